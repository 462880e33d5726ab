#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace carillon::net {

inline constexpr std::size_t max_header_name = 256;   ///< bytes of a custom header's name
inline constexpr std::size_t max_header_value = 4096; ///< bytes of a custom header's value

/// Why a subscription may not have this header on its POSTs, as one line for people; nothing if it may.
///
/// Names must be tokens and values field values (RFC 9110, 5.1 and 5.5): what is written to a connection is written
/// as it is, so a line break would start another header. Headers that frame the message, govern the connection, or
/// that Carillon itself sets (`webhook-*`, Content-Type, User-Agent) are reserved.
std::optional<std::string> check_custom_header(std::string_view name, std::string_view value);

} // namespace carillon::net
