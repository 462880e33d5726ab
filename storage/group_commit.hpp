#pragma once

#include "domain/log_position.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace carillon::storage {

/// One log row to be: the batches that one shard ordered together.
struct log_row {
  domain::shard_id shard{};
  std::uint64_t seq = 0; ///< the shard's next number; rows of a shard come in sequence, without gaps
  std::uint32_t epoch = 1;
  domain::time_stamp stamp;
  std::vector<domain::batch> batches;
};

/// How one batch fared.
struct batch_result {
  bool ok = false;
  /// Of the batch's entries in the row's value; an event's place is this plus its own offset.
  std::uint32_t offset = 0;
  std::string error; ///< when not ok: one of `commit_error`
};

/// Why a batch was not taken.
namespace commit_error {
/// May succeed later.
inline constexpr const char* store_full = "store-full";
/// Its entries, or its row with it, pass the limits below.
inline constexpr const char* too_large = "batch-too-large";
/// A table key is empty or longer than `max_key_size`.
inline constexpr const char* bad_key = "bad-key";
/// The shard has a row of that number: a fault of the caller.
inline constexpr const char* seq_taken = "seq-taken";
/// In a cluster: not enough members have it, or another node serves the shard now. It may still happen.
inline constexpr const char* no_quorum = "no-quorum";
/// In a cluster: another node serves the shard, or is about to. Nothing was done.
inline constexpr const char* not_serving = "not-serving";
/// To be proposed again, with a new seq.
inline constexpr const char* earlier_row_failed = "earlier-row-failed";
} // namespace commit_error

/// Bytes of one batch: entries, keys and values together.
inline constexpr std::uint64_t max_batch_bytes = std::uint64_t{512} << 20;
/// Bytes of one row's value; below what a u32 offset reaches.
inline constexpr std::uint64_t max_row_bytes = std::uint64_t{1} << 30;

/// How one row fared. A row of which no batch with entries was taken is not written, and its seq is free
/// again; so is that of a row without any entries, whose table writes are done nevertheless (`written` false,
/// batches ok).
struct row_result {
  domain::shard_id shard{};
  std::uint64_t seq = 0;
  bool written = false;
  std::vector<batch_result> batches;
};

/// Marks the batches of a row that can never be written: too large, or with bad keys.
void refuse_unfit(const log_row& row, row_result& result);

/// The only LMDB write transaction: one commit and one sync for the rows of all shards. A pure class that the
/// writer actor drives; all calls from one thread.
///
/// A batch that can't be written (too large, no room) fails alone: the transaction is aborted and the others
/// are written again without it. On a full disk or map the commit is done again in parts: first what only
/// erases, then row by row, of a row that doesn't fit the smallest batches that do (outcomes before events);
/// the rest is answered "store-full". Each part is durable or absent as a whole, a batch is never split. When
/// a row is not written, later rows of its shard in the same commit fail with "earlier-row-failed", so that
/// the log never has a gap that is filled later.
class group_commit {
public:
  explicit group_commit(store& s);

  /// Commits all rows, synced. When it returns, every batch marked ok is durable. Throws fatal_store_error;
  /// from then on every call does. Results are in the order of `rows` and their batches.
  std::vector<row_result> commit(std::span<const log_row> rows);

  /// Called at named moments ("before-commit", "after-commit"; several times a call when the store is full):
  /// fault points of the crash tests. An lmdb_error thrown at the first is taken as the commit's own.
  void on_step(std::function<void(std::string_view)> hook);

  struct counters {
    std::uint64_t commits = 0, batches = 0;
    double last_seconds = 0;
    /// CPU time that batches of nothing but erases took so far: to erase their rows, and of the commits that
    /// they were in the share of their writes.
    std::chrono::nanoseconds erasing{};
  };
  const counters& stats() const noexcept { return stats_; }

private:
  class pass; // one call of commit

  store& store_;
  bool failed_ = false; ///< after EIO nothing is written any more
  std::function<void(std::string_view)> hook_;
  counters stats_;
};

} // namespace carillon::storage
