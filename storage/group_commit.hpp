#pragma once

#include "domain/log_position.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace carillon::storage {

/// One log row to be: the batches that one shard ordered together.
struct log_row {
  domain::shard_id shard{};
  std::uint64_t seq = 0;    ///< the shard's next number; rows of a shard come in sequence, without gaps
  std::uint32_t epoch = 1;
  domain::time_stamp stamp;
  std::vector<domain::batch> batches;
};

/// How one batch fared.
struct batch_result {
  bool ok = false;
  std::uint32_t offset = 0; ///< of the batch's entries in the row's value; an event's place = offset + its own offset
  std::string error;        ///< when not ok: "store-full", or what LMDB said
};

/// How one row fared. A row of which no batch was taken is not written, and its seq is free again.
struct row_result {
  domain::shard_id shard{};
  std::uint64_t seq = 0;
  bool written = false;
  std::vector<batch_result> batches;
};

/// The disk said EIO (or the commit's fate is unknown): nothing may be acknowledged any more, the process must exit.
class fatal_store_error : public store_error {
  using store_error::store_error;
};

/// The only LMDB write transaction: one commit and one sync for the rows of all shards. A pure class that the writer
/// actor drives; all calls from one thread.
///
/// A batch that can't be written (too large, no room) fails alone: the transaction is aborted and the others are
/// written again without it. A full disk or map fails what is left of the commit with "store-full" after everything
/// that frees room (rows with only outcomes, erases) was tried.
class group_commit {
public:
  explicit group_commit(store& s);

  /// Commits all rows, synced. When it returns, every batch marked ok is durable. Throws fatal_store_error.
  std::vector<row_result> commit(std::span<const log_row> rows);

  /// Called at named moments ("before-commit", "after-commit"): fault points of the crash tests.
  void on_step(std::function<void(std::string_view)> hook);

  struct counters {
    std::uint64_t commits = 0, batches = 0;
    double last_seconds = 0;
  };
  const counters& stats() const noexcept { return stats_; }

private:
  store& store_;
  std::function<void(std::string_view)> hook_;
  counters stats_;
};

} // namespace carillon::storage
