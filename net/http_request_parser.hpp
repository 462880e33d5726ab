#pragma once

#include "net/http_message.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <string>

namespace carillon::net {

/// Beast's parser, writing straight into an `http_request`: no message type between, no copy of the body.
///
/// Internal to the server; only heads that passed the request gate are given to it. Trailer fields are
/// dropped, since whoever judged the head has not seen them.
class http_request_parser : public boost::beast::http::basic_parser<true> {
public:
  using error_code = boost::beast::error_code;

  explicit http_request_parser(http_request& target) : request_(target) {}

private:
  using field = boost::beast::http::field;
  using verb = boost::beast::http::verb;
  using view = boost::beast::string_view;

  void on_request_impl(verb, view method, view, int, error_code&) override {
    request_.method.assign(method.data(), method.size());
  }
  void on_response_impl(int, view, int, error_code&) override {}
  void on_field_impl(field, view name, view value, error_code&) override {
    if (!head_done_)
      request_.fields.add(std::string{name.data(), name.size()}, std::string{value.data(), value.size()});
  }
  void on_header_impl(error_code&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // The rest is reserved as it comes: a promise of bytes isn't worth memory.
    if (length)
      request_.body.reserve(static_cast<std::size_t>(std::min(*length, most_reserved)));
  }
  std::size_t on_body_impl(view bytes, error_code&) override { return append(bytes); }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view bytes, error_code&) override { return append(bytes); }
  void on_finish_impl(error_code&) override {}

  std::size_t append(view bytes) {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  static constexpr std::uint64_t most_reserved = 64 * 1024;

  http_request& request_;
  bool head_done_ = false;
};

} // namespace carillon::net
