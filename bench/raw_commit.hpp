#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace carillon::bench {

struct raw_commit_result {
  double per_second = 0; ///< events
  std::chrono::nanoseconds cpu_per_event{};
};

/// The yardstick of durable acceptance: LMDB alone, one thread, each event's bytes put under a key of its
/// own, `events_per_commit` in each synced commit. Works in `folder`, which it makes and removes.
raw_commit_result run_raw_commit(const std::filesystem::path& folder, std::size_t events_per_commit,
                                 std::chrono::nanoseconds duration);

} // namespace carillon::bench
