#pragma once

#include "storage/blank_blocks.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace carillon::storage {

/// The room a store has on its disk: blocks taken ahead for the data file, and the ballast.
///
/// Blocks are taken before a commit needs them, so a full disk shows as a clean refusal before anything is
/// written and not as a short write in the middle of a commit, which LMDB can only report as EIO. On file
/// systems that can't take blocks ahead a commit that fails with ENOSPC is the sign instead. `ensure` belongs
/// to the writer's thread, the rest to any.
class disk_room {
public:
  /// `data_file` is LMDB's own descriptor and outlives this. `ballast` bytes, at most 1 % of the disk, are
  /// taken when the disk has plenty of room; 0: none.
  disk_room(std::string directory, int data_file, std::uint64_t map_size, std::uint64_t ballast);

  /// Whether the data file has, or now got, blocks up to `end` (bytes, capped at the map). Throws
  /// fatal_store_error on EIO.
  bool ensure(std::uint64_t end);

  /// Gives the ballast's blocks back; false when it was given up before.
  bool give_up_ballast();
  /// Takes the ballast again once the disk has room for several; looks at most once a second.
  void retake_ballast();
  /// The ballast should stand and doesn't: what is free on the disk is for claims and outcomes.
  bool ballast_missing() const;

  /// Bytes that this process could still write to the disk.
  std::uint64_t free_bytes() const;
  std::uint64_t data_file_size() const;

private:
  bool take(std::uint64_t end);
  std::string ballast_path() const { return directory_ + "/ballast"; }
  void take_ballast(); ///< under the mutex, but for the constructor

  std::string directory_;
  int data_file_;
  std::uint64_t map_size_;
  std::uint64_t taken_ = 0; ///< bytes of the data file that surely have blocks
  bool takes_ahead_ = true; ///< the file system can
  bool crowded_ = false;    ///< there was no room for a step that was not needed yet
  std::unique_ptr<blank_blocks> blanks_; ///< where it pays off

  mutable std::mutex ballast_mutex_;
  std::uint64_t ballast_; ///< bytes; 0: none is wanted, or the file system can't
  bool ballast_stands_ = false;
  std::int64_t looked_at_ = 0; ///< boot time of the last look, ns
};

/// The name of the network file system with that magic number (statfs), empty for a local one. FUSE counts as
/// local: what lies behind it can't be told.
std::string network_file_system(std::int64_t magic);

/// The magic number of the file system that holds `path`; throws store_error.
std::int64_t file_system_of(const std::string& path);

} // namespace carillon::storage
