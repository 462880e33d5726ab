#pragma once

#include "domain/event.hpp"
#include "domain/matching.hpp"
#include "domain/subscription.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

/// A run of one event's records that a notification carries: `records[first .. first+count)`.
struct body_part {
  event_ptr source;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  action as{};          ///< the action that matched
  wall_time accepted{}; ///< when the event was accepted
};

/// What a notification's POST carries beside the fields that the engine and Standard Webhooks add.
struct rendered_body {
  std::string body;
  string_pairs headers; ///< the dialect's own: Copper's custom `headers`, Pipeliner's WebHook-Signature
};

/// Whether secrets appear as they are (for the POST) or as "***" (for log and explain).
enum class secrets : std::uint8_t { shown, masked };

/// Renders the body of one notification in its subscription's dialect. `account`: the account's public id.
/// Parts are in order of acceptance; the newest part's time is the notification's timestamp (`occurred_at` if
/// the event has one, else its acceptance).
rendered_body render_body(const compiled_subscription& s, std::string_view account,
                          std::span<const body_part> parts, secrets how);

/// How records of one event share a notification with records of others: records join only what has an equal
/// key. Copper: (event, updated_attributes); equal keys merge. The key is a digest, stable across restarts.
std::uint64_t merge_key(const compiled_subscription& s, const event& e, action as);

/// At most this many records (Copper: 30) or items (Pipeliner: chunk_size) go into one notification.
std::uint32_t records_per_notification(const compiled_subscription& s);

/// Seconds between the chunks of one request (Pipeliner's chunk_delay); 0 for none.
std::uint32_t chunk_delay(const compiled_subscription& s);

/// A sample for `POST …/subscriptions/{id}/test`: a made-up event that the subscription would match.
event_ptr sample_event(const compiled_subscription& s);

} // namespace carillon::domain
