#pragma once

#include "domain/ids.hpp"
#include "domain/log_position.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::account {

/// What an account reads of the store; all of it committed. Tests put a map behind it.
class source {
public:
  virtual ~source() = default;

  virtual std::optional<std::string> get(std::string_view key) const = 0;
  /// Up to `limit` rows with that prefix from `start` on (empty: from the first; descending: from the last).
  virtual std::vector<std::pair<std::string, std::string>>
  range(std::string_view prefix, std::string_view start, std::size_t limit, bool descending) const = 0;
  /// For each of these keys the last row of the store whose key is not behind it.
  virtual std::vector<std::optional<std::pair<std::string, std::string>>>
  at_or_before(const std::vector<std::string>& keys) const = 0;
  /// An event's bytes out of the log; nothing when they are past retention.
  virtual std::optional<std::string> read_event(domain::shard_id shard,
                                                const domain::event_ref& where) const = 0;
  /// The account's own batches in rows of seq > `after`, in order.
  virtual void
  replay(domain::shard_id shard, domain::account_id account, std::uint64_t after,
         const std::function<void(std::uint64_t seq, std::uint32_t offset, const domain::time_stamp& stamp,
                                  std::string_view entries)>& visit) const = 0;
};

} // namespace carillon::account
