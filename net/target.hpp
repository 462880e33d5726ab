#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::net {

class egress_policy;

inline constexpr std::size_t max_target_url = 2048; ///< bytes of a target URL

/// Where a POST goes. Made by `parse_target` only; immutable.
struct delivery_target {
  std::string host;        ///< lower-case ASCII name, or an address in its canonical form without brackets
  std::uint16_t port = 443;
  std::string path;        ///< path and query as they go on the wire; starts with "/"
  std::string host_header; ///< host with brackets if need be, and the port unless it is 443
  std::string origin;      ///< "host:port", equal for all targets that connections may be shared between
  std::optional<boost::asio::ip::address> literal; ///< set when the URL gives an address instead of a name
};

/// Either a target or why there is none.
struct target_result {
  std::shared_ptr<const delivery_target> target; ///< null when refused
  std::string error;                             ///< one line for people, e.g. "the URL must start with https://"

  explicit operator bool() const noexcept { return target != nullptr; }
};

/// Reads and judges the URL of a subscription; used on create, on update and before sending, so they never differ.
///
/// Accepted: https only; no user info, backslash, control character or white space anywhere; no `%` in the host; a
/// name that IDNA can write in ASCII, or an address in strict form. A host whose last label looks like a number is
/// refused unless it is a strict dotted quad, because resolvers read "127.1" or "0x7f.1" as addresses. An address is
/// judged at once, a name when it was resolved. The fragment is dropped; characters that a URL can't hold are
/// percent-encoded in path and query.
target_result parse_target(std::string_view url, const egress_policy& policy);

} // namespace carillon::net
