#pragma once

#include "domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::domain {

/// The states of a notification. `pending` and `claimed` are passing; the others are final.
enum class notification_state : std::uint8_t {
  pending = 0,   ///< waits for its due time, a place in the windows, or its subscription's resumption
  claimed = 1,   ///< the decision to send is durable; the POST is under way
  delivered = 2, ///< the receiver answered 2xx
  rejected = 3,  ///< the receiver answered with any other status
  failed = 4,    ///< no answer: see `failure_class`
  unknown = 5,   ///< claimed by an earlier life of the process, the outcome was lost
  expired = 6,   ///< passed the backlog or age limit without a claim
  cancelled = 7, ///< its subscription or account was deleted before a claim
};

constexpr bool is_final(notification_state s) { return s >= notification_state::delivered; }

/// "pending", "claimed", ...: the words of API, log and metrics.
std::string_view to_string(notification_state s);
/// The inverse of `to_string`; nothing for any other text.
std::optional<notification_state> parse_notification_state(std::string_view text);

/// Why a POST got no answer.
enum class failure_class : std::uint8_t { none = 0, dns = 1, connect = 2, tls = 3, timeout = 4, protocol = 5, egress = 6 };

/// "" for none, else "dns", "connect", ...
std::string_view to_string(failure_class c);

/// How long each phase of a POST took, in milliseconds; nothing for a phase that was not entered (a kept-alive
/// connection has no dns, connect, tls). `connect` holds the whole wait for a connection but the handshake, so it is
/// there, too, when one that others used became free first.
struct delivery_timing {
  std::optional<std::uint32_t> dns, connect, tls, response;
  bool operator==(const delivery_timing&) const = default;
};

/// How one POST ended.
struct delivery_result {
  notification_state state = notification_state::failed; ///< delivered, rejected or failed
  std::uint16_t status_code = 0;                         ///< 0 without an answer
  failure_class error = failure_class::none;
  std::string detail;                   ///< one line for people, e.g. "certificate has expired"; ≤ 200 bytes
  std::optional<boot_time> first_byte;  ///< when the request's first byte was handed to the connection; none: never
  boot_time ended{};
  std::optional<std::uint32_t> retry_after; ///< seconds, from a 429 or 503 answer
  delivery_timing timing;
  std::string response_excerpt; ///< the first bytes of the answer's body, valid UTF-8, ≤ 1 KiB
};

} // namespace carillon::domain
