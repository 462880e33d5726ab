#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <string>

/// Copies of a store, and stores from copies. A backup is a folder with one compacted LMDB file, readable by
/// the owner only; it holds everything the store does, secrets sealed as they are there.
namespace carillon::storage {

/// By how much a restore raises every counter of the store (row kind `counter`): more numbers than a store
/// gives out between a backup and the loss, so that none is given twice. Copper's ids stay far below 2^53
/// with it.
inline constexpr std::uint64_t restore_counter_jump = 1'000'000;

/// What a finished copy holds.
struct backup_summary {
  store_identity identity;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

/// Copies a running store into `destination`, which is made or must be empty, and checks the copy: it opens,
/// its header is good, every log row's checksum is. Any thread, beside the writer; while it runs, pages freed
/// by commits are not reused. Throws store_error, naming what to do; the destination then holds no
/// `data.mdb`.
backup_summary back_up(const store& s, const std::string& destination);

/// The same for a store that no process has open; throws store_error naming the one that has.
backup_summary back_up_closed(const std::string& directory, const std::string& destination);

/// Makes a new store in `directory` (made, or empty) from a backup: raises the generation and all counters,
/// sets held. The directory holds no startable store until everything is durable. Throws store_error.
backup_summary restore(const std::string& backup, const std::string& directory);

/// Opens a store or backup that no process has open, without changing it, and reads its header; with every
/// log row's checksum when `thorough`. For `check` and for copies. Throws store_error.
enum class inspection { header_only, thorough };
backup_summary inspect(const std::string& directory, inspection how);

} // namespace carillon::storage
