#pragma once

#include "domain/log_position.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::storage {

/// One account's batch as it stands in a committed row.
struct logged_batch {
  std::uint64_t seq = 0;
  std::uint32_t offset = 0; ///< of `entries` in the row's value
  domain::time_stamp stamp;
  domain::account_id account{};
  std::string_view entries; ///< valid during the call only
};

/// Where a batch's entries lie in the log.
struct batch_place {
  std::uint64_t seq = 0;
  std::uint32_t offset = 0, length = 0; ///< in the row's value
};

/// Reads committed rows; short read transactions, any thread.
class log_reader {
public:
  explicit log_reader(const store& s);

  /// The seq the shard's next row gets; 1 for an empty log. Never below the mark.
  std::uint64_t next_seq(domain::shard_id shard) const;
  /// The first seq that a start must replay, from the mark; 1 without one.
  std::uint64_t replay_from(domain::shard_id shard) const;

  /// Visits the batches of rows ≥ from in order. Throws store_error naming shard and seq when a row's CRC is
  /// wrong.
  void scan(domain::shard_id shard, std::uint64_t from,
            const std::function<void(const logged_batch&)>& visit) const;

  /// Visits batches of rows that a scan has checked before, by their places in order. `account` is told, not
  /// read. Throws store_error when a row is gone or too short.
  void revisit(domain::shard_id shard, domain::account_id account, std::span<const batch_place> places,
               const std::function<void(const logged_batch&)>& visit) const;

  /// An event's bytes; nothing when the row is gone (past retention) or the place is damaged.
  std::optional<std::string> read_event(domain::shard_id shard, const domain::event_ref& where) const;

  /// A copy of the value of a key of any table; nothing when it is not there.
  std::optional<std::string> get(std::string_view key) const;
  /// Up to `limit` rows with that prefix, from `start` on, itself included (a full key, there or not; empty:
  /// the first, descending the last), ascending or descending.
  std::vector<std::pair<std::string, std::string>> range(std::string_view prefix, std::string_view start,
                                                         std::size_t limit, bool descending = false) const;
  /// For each of these keys a copy of the last row whose key is not behind it, of any table; all of them in
  /// one read transaction.
  std::vector<std::optional<std::pair<std::string, std::string>>>
  at_or_before(const std::vector<std::string>& keys) const;

private:
  const store& store_;
};

} // namespace carillon::storage
