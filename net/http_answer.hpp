#pragma once

#include "net/http_message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::net {

/// What the connection says about itself in an answer.
enum class connection_option : std::uint8_t { persist, persist_http_1_0, close };

/// Writes the head of `response` to the end of `out`: status line, the server's own fields, the service's,
/// the empty line. The service's fields that are the server's (Content-Length, Date, Server, X-Request-Id,
/// and what frames the message) are left out, as are names and values that would break the head's form.
void append_answer_head(std::string& out, const http_response& response, std::string_view request_id,
                        std::string_view date, connection_option option);

/// Whether an answer of this status has a body at all (RFC 9110, section 6.4.1).
constexpr bool status_allows_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

/// The time as RFC 9110 wants it in `Date`, made anew once a second. One instance per thread.
class http_date {
public:
  std::string_view now();

private:
  std::int64_t second_ = -1;
  std::string text_;
};

} // namespace carillon::net
