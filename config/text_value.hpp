#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How values are written in flags, in the environment and in the configuration file, and back.
///
/// Parsers return nothing for text they don't take; the caller knows the key and says what is allowed.
namespace carillon::config {

/// Decimal digits only, without sign or blanks.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// A count and its unit, one of ms, s, min, h, d: "500ms", "30d". A bare number is refused, also 0.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Bytes: a count alone or with KiB, MiB, GiB or TiB.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "true" or "false".
std::optional<bool> parse_bool(std::string_view text);

/// Items between commas, each bare or in double quotes, the whole bare or in brackets: `a,b` and `["a","b"]`.
/// Blank text and `[]` are the empty list. Brackets without quotes count too, for shells take the quotes
/// away.
std::optional<std::vector<std::string>> parse_list(std::string_view text);

/// "600/60s": a count of at least 1, a whole number of seconds of at least 1.
std::optional<window_setting> parse_window(std::string_view text);

/// "127.0.0.1:8080" or "[::1]:8080": an address literal and a port, which may be 0.
bool is_listen_address(std::string_view text);

/// Where an HTTP service listens.
struct http_endpoint {
  bool tls = false;
  std::string host; ///< a name, or an address without brackets
  std::uint16_t port = 0;
};

/// "http://host:port" or "https://host:port", also with a "/" behind it: nothing more, and nothing less.
std::optional<http_endpoint> parse_endpoint(std::string_view text);

/// A host and a port from 1, as others would dial it: "node-1.example:7000", "10.0.0.1:7000", "[::1]:7000".
bool is_host_and_port(std::string_view text);

/// `[a-z0-9][a-z0-9-]{0,62}`.
bool is_cluster_name(std::string_view text);

/// "10.0.0.0/8", "fd00::/8" or one address: the bits beyond the prefix must be zero, for else one of the two
/// is mistyped.
bool is_network(std::string_view text);

/// In the largest unit that fits exactly: "90s", "24h", "30d", "0s". `parse_duration` reads it back.
std::string format_duration(std::chrono::milliseconds value);

/// In the largest unit that fits exactly: "64GiB", "1000". `parse_size` reads it back.
std::string format_size(std::uint64_t bytes);

std::string format_window(const window_setting& window);

} // namespace carillon::config
