#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <string>

/// Copies of a store. A backup is a folder with one compacted LMDB file, readable by
/// the owner only; it holds everything the store does, secrets sealed as they are there.
namespace carillon::storage {

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

/// Opens a store or backup that no process has open, without changing it, and reads its header; with every
/// log row's checksum when `thorough`. For `check` and for copies. Throws store_error.
enum class inspection { header_only, thorough };
backup_summary inspect(const std::string& directory, inspection how);
/// The same by its data file's path.
backup_summary inspect_file(const std::string& path, inspection how);

} // namespace carillon::storage
