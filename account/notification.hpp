#pragma once

#include "account/boxed.hpp"
#include "domain/event.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "domain/outcome.hpp"
#include "domain/subscription.hpp"
#include "domain/time.hpp"

#include <boost/container/small_vector.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::account {

/// One event's share of a notification: a run of its records.
struct notification_part {
  domain::event_ref where; ///< its bytes in the shard log; seq 0 until committed
  std::string event_id;    ///< as shown outside
  std::uint32_t first = 0; ///< index of its first record in the event
  std::uint32_t count = 0;
  domain::action as{}; ///< the action that matched
  bool kept = false;   ///< `source` counts against the node's budget
  domain::wall_time accepted{};
  std::uint32_t charged = 0; ///< bytes it counts against the backlog: an event's body counts once
  domain::event_ptr source;  ///< the parsed event while it is at hand; not stored
};

/// What has become of a notification since it no longer waits.
struct notification_course {
  domain::boot_time claimed_boot{}; ///< the claim's moment, from which its deadline counts
  std::uint32_t claimed_life = 0;   ///< which start of the process claimed it
  domain::wall_time claimed{}, ended{}; ///< epoch until they happen
  std::string origin;                   ///< whose slots it uses while claimed; not stored
  domain::delivery_result result;       ///< when ended; `first_byte` and `ended` of it are not stored
};

/// One POST to be made, being made or done, as the account knows it. Millions may wait: 256 bytes each.
struct notification {
  domain::notification_number number{};
  domain::subscription_id subscription{};
  std::uint32_t revision = 0; ///< of the subscription at the claim; at acceptance until then
  domain::dialect speaks{};
  bool test = false;
  domain::notification_state state = domain::notification_state::pending;
  std::uint64_t merge_key = 0;

  domain::boot_time due{}; ///< claimed not before
  domain::wall_time created{}, due_wall{};

  // Most have one of each.
  boost::container::small_vector<notification_part, 1> parts;
  boost::container::small_vector<domain::record_id, 1> records; ///< of all parts, in order

  std::uint64_t feed_number = 0; ///< its place in the missed feed, 0: not in it
  boxed<notification_course> course;

  /// Bytes of event bodies it keeps waiting; what `limits.backlog-bytes` counts.
  std::uint64_t bytes() const;
};

/// Appends the stored form. `stamp` tells what its boot times are measured in.
void encode(const notification& n, std::string& out);

/// Reads a sequence of stored notifications (a block, or one row of the missed feed), translating boot times
/// from `then` to `now`. Stops at damage; `ok` tells.
std::vector<notification> decode_notifications(std::string_view value, const domain::time_stamp& now,
                                               bool& ok);

/// A table value: format version, CRC32C, what retention asks, time stamp, then the notifications.
std::string encode_block(const std::vector<const notification*>& ns, const domain::time_stamp& stamp);

/// What a stored block tells of its notifications without their being read.
struct block_head {
  domain::wall_time created{}; ///< of the first
  domain::wall_time ended{};   ///< of the last to end; as far off as can be while one is open
  bool complete = false;       ///< it has all numbers that a block can have
};
/// Nothing when the value is damaged or of another format.
std::optional<block_head> read_block_head(std::string_view value);

/// How many consecutive notification numbers share a row of the store.
inline constexpr std::uint64_t block_size = 64;

} // namespace carillon::account
