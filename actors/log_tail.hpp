#pragma once

#include "domain/ids.hpp"
#include "storage/log_reader.hpp"

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace carillon::actors {

/// Where the batches of each account lie in the log rows that were there at the start and that no checkpoint
/// holds, so that an account which loads reads its own batches and not all of its shard's. Thread-safe.
class log_tail {
public:
  using places = std::vector<storage::batch_place>;

  /// What a shard found in its rows below `end`.
  void keep(domain::shard_id shard, std::uint64_t end, std::unordered_map<std::uint64_t, places> found) {
    const std::lock_guard lock{guard_};
    shards_[raw(shard)] = {end, std::move(found)};
  }

  /// The account has saved itself since: nobody will ask for them again.
  void forget(domain::shard_id shard, domain::account_id account) {
    const std::lock_guard lock{guard_};
    if (const auto it = shards_.find(raw(shard)); it != shards_.end())
      it->second.found.erase(raw(account));
  }

  /// The account's batches behind the row `after`, and the first row that wasn't there at the start: from it
  /// on, or from the one behind `after`, the log itself must be read.
  std::pair<places, std::uint64_t> behind(domain::shard_id shard, domain::account_id account,
                                          std::uint64_t after) const {
    const std::lock_guard lock{guard_};
    const auto it = shards_.find(raw(shard));
    if (it == shards_.end() || after + 1 >= it->second.end)
      return {{}, after + 1};
    const auto of_account = it->second.found.find(raw(account));
    if (of_account == it->second.found.end())
      return {{}, after + 1};
    places out;
    for (const auto& p : of_account->second)
      if (p.seq > after)
        out.push_back(p);
    return {std::move(out), it->second.end};
  }

private:
  struct shard_rows {
    std::uint64_t end = 0;
    std::unordered_map<std::uint64_t, places> found; ///< by account
  };
  mutable std::mutex guard_;
  std::unordered_map<std::uint16_t, shard_rows> shards_;
};

} // namespace carillon::actors
