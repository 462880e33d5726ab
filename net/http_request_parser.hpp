#pragma once

#include "net/http_message.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <string>

namespace carillon::net {

/// Beast's parser for chunked bodies, writing straight into an `http_request`: no message type between, no
/// copy of the body.
///
/// Internal to the server; only heads that passed the request gate are given to it, which has read method and
/// fields. Trailer fields are dropped, since whoever judged the head has not seen them.
class http_request_parser : public boost::beast::http::basic_parser<true> {
public:
  using error_code = boost::beast::error_code;

  explicit http_request_parser(http_request& target) : request_(target) {}

private:
  using field = boost::beast::http::field;
  using verb = boost::beast::http::verb;
  using view = boost::beast::string_view;

  void on_request_impl(verb, view, view, int, error_code&) override {}
  void on_response_impl(int, view, int, error_code&) override {}
  void on_field_impl(field, view, view, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(view bytes, error_code&) override { return append(bytes); }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view bytes, error_code&) override { return append(bytes); }
  void on_finish_impl(error_code&) override {}

  std::size_t append(view bytes) {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  http_request& request_;
};

} // namespace carillon::net
