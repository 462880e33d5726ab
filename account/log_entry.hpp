#pragma once

#include "account/notification.hpp"
#include "domain/byte_codec.hpp"
#include "domain/ids.hpp"
#include "domain/outcome.hpp"
#include "domain/subscription.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The entries of an account's batches in the shard log: the truth, from which everything about an account
/// can be made again by applying them in order. Each is written once and never changed.
namespace carillon::account::entry {

/// Opens every batch: when it was decided. Later entries of the batch mean this moment.
struct time {
  domain::boot_time boot{};
  domain::wall_time wall{};
};

/// An event was accepted. Its bytes follow in the log, once, with a CRC32C before them.
struct event {
  std::string_view id;
  bool given = false;              ///< the SaaS chose the id: it is remembered for idempotency
  std::uint32_t notifications = 0; ///< how many it is part of
  std::string_view bytes;
  std::uint32_t offset = 0; ///< of `bytes` in the batch's entries; set by `put` and on reading
};

/// A new notification with records of the event before this entry.
struct opened {
  domain::subscription_id subscription{};
  std::uint32_t delay_seconds = 0;
  std::uint64_t merge_key = 0;
  domain::action as{};
  std::uint32_t first = 0, count = 0;
  bool test = false;
};

/// Records of the event before this entry joined a waiting notification.
struct joined {
  domain::notification_number number{};
  domain::action as{};
  std::uint32_t first = 0, count = 0;
};

/// The decision to send these now.
struct claimed {
  std::vector<domain::notification_number> numbers;
};

/// A claimed one ended.
struct ended {
  domain::notification_number number{};
  domain::delivery_result result;
  domain::wall_time at{};
};

/// Ended without a claim: expired or cancelled.
struct dropped {
  domain::notification_state state{};
  std::vector<domain::notification_number> numbers;
};

/// A subscription's new revision (`subscription_record.hpp`).
struct subscription_put {
  std::string_view record;
};

/// Carillon itself held or reactivated a subscription.
struct subscription_status {
  domain::subscription_id id{};
  domain::subscription_status status{};
  std::string_view reason;
};

struct subscription_erased {
  domain::subscription_id id{};
};

using any = std::variant<time, event, opened, joined, claimed, ended, dropped, subscription_put,
                         subscription_status, subscription_erased>;

/// Appends an entry (one of the alternatives of `any`); fills an event's `offset`.
template <class Entry>
void put(Entry& e, std::string& entries);

/// Reads the next entry; nothing at the end. After damage `in.ok()` is false. Views point into `in`'s text.
std::optional<any> next(domain::byte_reader& in);

} // namespace carillon::account::entry
