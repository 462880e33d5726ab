#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace carillon::bench {

/// One whole HTTP/1.1 message; views into the scanned buffer.
struct scanned_message {
  std::size_t size = 0;        ///< bytes of head and body together
  std::string_view first_line; ///< "POST /x HTTP/1.1" or "HTTP/1.1 202 Accepted"
  std::string_view fields;     ///< the head's other lines, each with its CRLF
  std::string_view body;
};

/// The message at the front of `buffer`; nothing while it isn't complete.
///
/// For the benchmark's own peers (the node, wrk), so that measuring costs next to nothing: bodies are framed
/// by Content-Length only. Throws std::runtime_error for any other framing and for heads over 64 KiB.
std::optional<scanned_message> scan_message(std::string_view buffer);

/// The value of the first field of that name, which is given in lower case; empty when there is none.
std::string_view field_of(std::string_view fields, std::string_view lower_name);

/// The status of a response; 0 when its first line is none of HTTP/1.1.
int status_of(const scanned_message& response);

/// The target of a request; empty when its first line is malformed.
std::string_view target_of(const scanned_message& request);

} // namespace carillon::bench
