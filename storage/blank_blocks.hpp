#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace carillon::storage {

/// Writes zeros into blocks of the data file before they are used, on a thread of its own.
///
/// A file system writes down of each block that was only taken when it is written for the first time, so a sync behind
/// such a write commits its journal, too: twice the time, and nearly twice the CPU, of a sync behind writes to blocks
/// that were written before. A store that grows would pay that with every commit.
///
/// Nothing depends on it but time: where it is late or fails, the blocks are as they were. Blocks that large commits
/// are about to fill are left alone. `use` belongs to the writer's thread.
class blank_blocks {
public:
  /// Blocks are left alone that begin less than this behind what is used: room for what nobody announces. That is a few
  /// small writes, and LMDB's list of the pages that a commit freed, of eight bytes each: 2 MiB when the largest log row
  /// is erased.
  static constexpr std::uint64_t margin = std::uint64_t{4} << 20;

  /// Makes those bytes zeros; false: it failed.
  using blanking = std::function<bool(std::uint64_t from, std::uint64_t to)>;
  /// Has what was blanked so far written to the disk; false: it failed.
  using syncing = std::function<bool()>;

  /// Both are called on the thread; after a failure no more.
  blank_blocks(blanking blank, syncing sync);
  ~blank_blocks();
  blank_blocks(const blank_blocks&) = delete;
  blank_blocks& operator=(const blank_blocks&) = delete;

  /// Before each commit: from now on the file may be written up to `end`, and the margin behind it; up to `taken` it
  /// has blocks (both in bytes, neither ever falls). When just those bytes are being blanked this waits for it: a
  /// fraction of a millisecond.
  void use(std::uint64_t end, std::uint64_t taken);

private:
  void run();
  /// Where the next piece begins; `taken_` or more: there is none. Under the lock.
  std::uint64_t next() const;

  const blanking blank_bytes_;
  const syncing sync_;
  std::mutex guard_;
  std::condition_variable changed_;
  std::uint64_t used_ = 0, taken_ = 0;
  std::uint64_t used_at_step_ = 0, commits_ = 0; ///< when `taken` rose last; calls since
  std::uint64_t blank_ = 0;         ///< up to there it is done, or has been used before it was
  std::uint64_t from_ = 0, to_ = 0; ///< the piece under way; equal: none
  bool ending_ = false;
  std::thread thread_;
};

/// The blanking of a store's data file, where its file system gains by it; null elsewhere.
std::unique_ptr<blank_blocks> blank_blocks_of(int data_file);

} // namespace carillon::storage
