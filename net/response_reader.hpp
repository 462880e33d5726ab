#pragma once

#include "domain/time.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::net {

struct response_limits {
  std::size_t header = 8 * 1024; ///< bytes of all heads together: a receiver may send interim answers (1xx) first
  std::size_t body = 16 * 1024;  ///< bytes after which the rest isn't read any more
  std::size_t excerpt = 1024;    ///< bytes of the body that are kept
};

/// Understands one HTTP/1.x answer, byte by byte as it comes, in bounded memory. No I/O, no clock.
class response_reader {
public:
  enum class progress {
    more,      ///< the answer is not complete yet
    complete,  ///< the answer is complete
    enough,    ///< the body's limit is reached; status and excerpt hold, the connection is of no further use
    malformed, ///< not HTTP, or over the header limit; see `error`
  };

  explicit response_reader(response_limits limits) : limits_{limits} { reset(); }

  /// Makes ready for the next answer.
  void reset();

  /// Takes what was received. After anything but `more` only the getters and `reset` may be called.
  progress feed(std::string_view bytes);

  /// The connection has ended: `complete` if that ends the body, else `malformed`.
  progress end_of_stream();

  /// True once the final status line and headers were read: from then on the answer counts, whatever comes after.
  bool has_head() const noexcept { return has_head_; }
  /// True when anything at all was received.
  bool has_begun() const noexcept { return begun_; }
  int status() const noexcept { return status_; }
  /// Whether the connection may carry another request after `complete`.
  bool keep_alive() const noexcept { return keep_alive_; }
  /// Seconds from the Retry-After header, which gives seconds or a date (compared with `now`); nothing if there is
  /// none that can be read.
  std::optional<std::uint32_t> retry_after(domain::wall_time now) const;
  /// The body's beginning as valid UTF-8.
  std::string excerpt() const;
  const std::string& error() const noexcept { return error_; }

private:
  class parser;
  friend class parser;

  /// Only what is asked for is kept: Beast's own message type would allocate for each header.
  class parser final : public boost::beast::http::basic_parser<false> {
  public:
    explicit parser(response_reader& owner) : owner_{owner} {}

  private:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;
    void on_request_impl(boost::beast::http::verb, string_view, string_view, int, error_code&) override {}
    void on_response_impl(int code, string_view, int version, error_code&) override;
    void on_field_impl(boost::beast::http::field name, string_view, string_view value, error_code&) override;
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view bytes, error_code&) override;
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override;
    void on_finish_impl(error_code&) override {}

    response_reader& owner_;
  };

  progress refuse(std::string why);
  progress parse(std::string_view& bytes);
  void new_parser();

  response_limits limits_;
  std::optional<parser> parser_;
  std::string pending_;        ///< what was received but not understood yet
  std::size_t head_bytes_ = 0; ///< of interim answers
  std::size_t body_bytes_ = 0;
  std::size_t overhead_ = 0;   ///< bytes of chunk framing since the head
  std::string excerpt_;
  std::string retry_after_;
  std::string error_;
  int status_ = 0;
  bool begun_ = false;
  bool has_head_ = false;
  bool keep_alive_ = false;
};

/// `bytes` as valid UTF-8 of at most `limit` bytes; what isn't valid becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes, std::size_t limit);

/// Seconds from `now` that a Retry-After value asks for: a number, or an HTTP date (IMF-fixdate); 0 for the past.
std::optional<std::uint32_t> parse_retry_after(std::string_view value, domain::wall_time now);

} // namespace carillon::net
