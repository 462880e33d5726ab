#pragma once

#include "domain/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What ids and cursors look like outside. All of them hold the store's generation, so that none from before
/// a restore is taken for a new one.
namespace carillon::domain {

/// One numbered thing of one account in one generation of the store.
struct numbered {
  std::uint32_t generation = 0;
  account_id account{};
  std::uint64_t number = 0;
  bool operator==(const numbered&) const = default;
};

/// "ntf_1_2s_z": a prefix and the three numbers in base 36. At most 40 characters, letters, digits and "_"
/// only.
std::string notification_public_id(const numbered& n);
/// "msg_1_2s_z": the same notification as receivers see it in `webhook-id`.
std::string webhook_public_id(const numbered& n);
/// "evt_1_2s_z": an event that came without an id.
std::string event_public_id(const numbered& n);

/// The inverse; nothing unless the text is exactly what the function above writes.
std::optional<numbered> parse_notification_public_id(std::string_view text);
std::optional<numbered> parse_webhook_public_id(std::string_view text);
std::optional<numbered> parse_event_public_id(std::string_view text);

/// A cursor into an account's missed feed: opaque, URL-safe text that names what was read last.
std::string feed_cursor(const numbered& last);
/// Nothing for anything that `feed_cursor` didn't write; whether generation and account fit is the caller's
/// question.
std::optional<numbered> parse_feed_cursor(std::string_view text);

/// A cursor into a list: opaque, URL-safe text around a position (≤ 512 bytes) that only the list named
/// understands.
std::string list_cursor(std::string_view list, std::string_view position);
/// The position; nothing for a cursor of another list or any other text.
std::optional<std::string> parse_list_cursor(std::string_view list, std::string_view text);

} // namespace carillon::domain
