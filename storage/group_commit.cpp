#include "storage/group_commit.hpp"

#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_row_codec.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>

namespace carillon::storage {

namespace {

/// Pages that one write may copy or split beside its own bytes: leaf, neighbour, and a share of the branches.
constexpr std::uint64_t pages_per_write = 3;
constexpr std::uint64_t page = 4096;
/// Pages that any commit takes: root, branches, LMDB's table of freed pages.
constexpr std::uint64_t pages_per_commit = 32;

bool only_erases(const domain::batch& batch) {
  return batch.entries.empty() && !batch.tables.empty() &&
         std::all_of(batch.tables.begin(), batch.tables.end(), [](const auto& write) { return write.erase; });
}

std::uint64_t bytes_of(const domain::batch& batch) {
  std::uint64_t bytes = batch.entries.size();
  for (const auto& write : batch.tables)
    bytes += write.key.size() + write.value.size();
  return bytes;
}

/// More than the batch can make the data file grow.
std::uint64_t room_for(const domain::batch& batch) {
  const auto writes = batch.tables.size() + (batch.entries.empty() ? 0 : 1);
  return bytes_of(batch) + writes * pages_per_write * page;
}

} // namespace

void refuse_unfit(const log_row& row, row_result& result) {
  std::uint64_t row_bytes = log_row_head;
  for (std::size_t b = 0; b < row.batches.size(); ++b) {
    const auto& batch = row.batches[b];
    const auto bad = [](const auto& write) { return write.key.empty() || write.key.size() > max_key_size; };
    if (std::any_of(batch.tables.begin(), batch.tables.end(), bad))
      result.batches[b].error = commit_error::bad_key;
    else if (bytes_of(batch) > max_batch_bytes ||
             row_bytes + log_batch_head + batch.entries.size() > max_row_bytes)
      result.batches[b].error = commit_error::too_large;
    else if (!batch.entries.empty())
      row_bytes += log_batch_head + batch.entries.size();
  }
}

/// The work on the rows of one call. A selection says what goes into one LMDB transaction.
class group_commit::pass {
public:
  pass(group_commit& owner, std::span<const log_row> rows) : owner_{owner}, rows_{rows} {
    results_.resize(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      results_[r].shard = rows[r].shard;
      results_[r].seq = rows[r].seq;
      results_[r].batches.resize(rows[r].batches.size());
      refuse_unfit(rows[r], results_[r]);
      for (const auto& batch : results_[r].batches)
        any_failed_ = any_failed_ || !batch.error.empty();
    }
  }

  std::vector<row_result> run() {
    drop_followers();
    auto everything = all_open();
    if (everything.empty())
      return std::move(results_);
    if (write(everything) || (owner_.store_.give_up_ballast() && write(everything)))
      return std::move(results_);
    in_parts();
    return std::move(results_);
  }

private:
  struct chosen_row {
    std::size_t row = 0;
    std::vector<std::size_t> batches; ///< indexes, ascending
  };
  using selection = std::vector<chosen_row>;

  bool open(std::size_t r, std::size_t b) const {
    const auto& result = results_[r].batches[b];
    return !result.ok && result.error.empty();
  }

  void fail(std::size_t r, std::size_t b, const char* error) {
    results_[r].batches[b].error = error;
    any_failed_ = true;
  }

  void fail_row(std::size_t r, const char* error) {
    for (std::size_t b = 0; b < rows_[r].batches.size(); ++b)
      if (open(r, b))
        fail(r, b, error);
  }

  bool wants_row(std::size_t r) const {
    return std::any_of(rows_[r].batches.begin(), rows_[r].batches.end(),
                       [](const auto& batch) { return !batch.entries.empty(); });
  }

  /// True when the row should have been written and can't be any more.
  bool lost(std::size_t r) const {
    if (!wants_row(r) || results_[r].written)
      return false;
    for (std::size_t b = 0; b < rows_[r].batches.size(); ++b)
      if (open(r, b) && !rows_[r].batches[b].entries.empty())
        return false;
    return true;
  }

  /// Fails the rows behind a lost row of the same shard.
  void drop_followers() {
    if (!any_failed_)
      return;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (wants_row(r))
        for (std::size_t before = 0; before < r; ++before)
          if (rows_[before].shard == rows_[r].shard && lost(before)) {
            fail_row(r, commit_error::earlier_row_failed);
            break;
          }
  }

  selection all_open() const {
    selection chosen;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (auto row = open_of(r); !row.batches.empty())
        chosen.push_back(std::move(row));
    return chosen;
  }

  chosen_row open_of(std::size_t r) const {
    chosen_row row{r, {}};
    for (std::size_t b = 0; b < rows_[r].batches.size(); ++b)
      if (open(r, b))
        row.batches.push_back(b);
    return row;
  }

  /// The store is full: what frees room first, then row by row, and of a row what fits.
  void in_parts() {
    bool erased = false;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      for (std::size_t b = 0; b < rows_[r].batches.size(); ++b)
        if (open(r, b) && only_erases(rows_[r].batches[b]))
          erased = write({{r, {b}}}) || erased; // one that fails here is tried once more with its row
    if (erased)
      let_freed_pages_be_used();
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      drop_followers();
      auto row = open_of(r);
      if (!row.batches.empty() && !write({row}))
        write_what_fits(std::move(row));
      fail_row(r, commit_error::store_full);
    }
  }

  /// LMDB takes pages that a commit freed only in the second commit after it: makes one between, of next to
  /// nothing.
  void let_freed_pages_be_used() {
    try {
      owner_.store_.rewrite_header();
    } catch (const lmdb_error& error) {
      if (!error.full())
        throw_fatal(error);
    }
  }

  /// The row as a whole does not fit: finds how many of its smallest batches do.
  void write_what_fits(chosen_row row) {
    const auto& batches = rows_[row.row].batches;
    std::stable_sort(row.batches.begin(), row.batches.end(),
                     [&](auto a, auto b) { return bytes_of(batches[a]) < bytes_of(batches[b]); });
    // The row can be written only once, so a try that fits is undone when there may be a larger one.
    std::size_t fits = 0, fails = row.batches.size();
    while (fits + 1 < fails) {
      const auto count = fits + (fails - fits) / 2;
      if (transact({first_of(row, count)}, intent::trial))
        fits = count;
      else
        fails = count;
    }
    // A trial can't see what only the commit finds out (a full disk): then fewer.
    for (; fits > 0; fits /= 2)
      if (write({first_of(row, fits)}))
        return;
  }

  static chosen_row first_of(const chosen_row& row, std::size_t count) {
    chosen_row part{row.row, {row.batches.begin(), row.batches.begin() + static_cast<std::ptrdiff_t>(count)}};
    std::sort(part.batches.begin(), part.batches.end());
    return part;
  }

  enum class intent { trial, commit };

  bool write(const selection& chosen) { return transact(chosen, intent::commit); }

  /// One LMDB transaction with what was chosen. False when it doesn't fit: nothing of it is written then.
  bool transact(const selection& chosen, intent what) {
    std::uint64_t room = pages_per_commit * page;
    for (const auto& row : chosen)
      for (const auto b : row.batches)
        room += room_for(rows_[row.row].batches[b]);
    if (!owner_.store_.reserve(room))
      return false;
    placed_.clear();
    written_ = {};
    try {
      write_transaction txn{owner_.store_.env()};
      for (const auto& row : chosen)
        put_row(txn, row);
      if (what == intent::trial)
        return true;
      if (owner_.hook_)
        owner_.hook_("before-commit");
      if (written_.erases > 0)
        commit_counted(txn);
      else
        txn.commit();
    } catch (const lmdb_error& error) {
      if (error.full())
        return false;
      throw_fatal(error);
    }
    ++owner_.stats_.commits;
    if (owner_.hook_)
      owner_.hook_("after-commit");
    settle();
    return true;
  }

  /// Commits, and adds to the count of what erasing costs.
  void commit_counted(write_transaction& txn) {
    const auto began = domain::thread_cpu();
    txn.commit();
    const auto took = domain::thread_cpu() - began;
    owner_.stats_.erasing += written_.erasing + took * written_.erases / written_.writes;
  }

  /// EIO, a damaged tree, a panic: what is on the disk is not known any more.
  [[noreturn]] void throw_fatal(const lmdb_error& error) const {
    throw fatal_store_error{"the store " + owner_.store_.directory() + " failed: " + error.what() +
                            "; Carillon stops, check the disk before the next start"};
  }

  void put_row(write_transaction& txn, const chosen_row& row) {
    const auto& source = rows_[row.row];
    std::vector<const domain::batch*> with_entries;
    std::vector<std::uint32_t> offsets;
    for (const auto b : row.batches)
      if (!source.batches[b].entries.empty())
        with_entries.push_back(&source.batches[b]);
    placement placed{row, !with_entries.empty(), {}};
    if (!with_entries.empty()) {
      auto* out = txn.reserve_new(key(source.shard, row_kind::log, source.seq), log_row_size(with_entries));
      if (!out) {
        placed.taken = true;
        placed_.push_back(std::move(placed));
        return;
      }
      encode_log_row(source.epoch, source.stamp, with_entries, out, offsets);
    }
    std::size_t next = 0;
    for (const auto b : row.batches) {
      const auto& batch = source.batches[b];
      placed.offsets.push_back(batch.entries.empty() ? 0 : offsets[next++]);
      written_.writes += batch.tables.size() + (batch.entries.empty() ? 0 : 1);
      if (only_erases(batch)) {
        const auto began = domain::thread_cpu();
        write_tables(txn, batch);
        written_.erasing += domain::thread_cpu() - began;
        written_.erases += batch.tables.size();
      } else {
        write_tables(txn, batch);
      }
    }
    placed_.push_back(std::move(placed));
  }

  static void write_tables(write_transaction& txn, const domain::batch& batch) {
    for (const auto& write : batch.tables) {
      if (write.erase)
        txn.erase(write.key);
      else
        txn.put(write.key, write.value);
    }
  }

  /// The transaction is durable: say so.
  void settle() {
    for (const auto& placed : placed_) {
      auto& result = results_[placed.row.row];
      if (placed.taken) {
        for (const auto b : placed.row.batches)
          fail(placed.row.row, b, commit_error::seq_taken);
        continue;
      }
      result.written = result.written || placed.has_entries;
      for (std::size_t i = 0; i < placed.row.batches.size(); ++i) {
        auto& batch = result.batches[placed.row.batches[i]];
        batch.ok = true;
        batch.offset = placed.offsets[i];
        ++owner_.stats_.batches;
      }
    }
    owner_.store_.committed();
  }

  struct placement {
    chosen_row row;
    bool has_entries = false;
    std::vector<std::uint32_t> offsets; ///< one a batch
    bool taken = false;                 ///< the seq is: nothing of the row was written
  };

  /// What the transaction under way has written.
  struct tally {
    std::size_t writes = 0, erases = 0; ///< all, and those of batches that only erase
    std::chrono::nanoseconds erasing{}; ///< CPU time of the latter
  };

  group_commit& owner_;
  std::span<const log_row> rows_;
  std::vector<row_result> results_;
  std::vector<placement> placed_; ///< by the transaction under way
  tally written_;
  bool any_failed_ = false;
};

group_commit::group_commit(store& s) : store_{s} {}

void group_commit::on_step(std::function<void(std::string_view)> hook) {
  hook_ = std::move(hook);
}

std::vector<row_result> group_commit::commit(std::span<const log_row> rows) {
  if (failed_)
    throw fatal_store_error{"the store " + store_.directory() +
                            " failed before; nothing is written any more"};
  const auto begin = std::chrono::steady_clock::now();
  try {
    auto results = pass{*this, rows}.run();
    stats_.last_seconds = std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
    return results;
  } catch (const fatal_store_error&) {
    failed_ = true;
    throw;
  }
}

} // namespace carillon::storage
