#include "storage/disk_room.hpp"

#include "domain/time.hpp"
#include "storage/store_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace carillon::storage {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
/// Blocks are taken in steps: a sixteenth of the file, within these.
constexpr std::uint64_t smallest_step = 16 * mebibyte;
constexpr std::uint64_t largest_step = 64 * mebibyte;
/// The ballast is taken only where this many of it are free, so that it isn't what fills the disk.
constexpr std::uint64_t plenty = 2;
constexpr std::uint64_t smallest_ballast = 64 * 1024;
constexpr std::int64_t look_interval = 1'000'000'000; // ns

/// 0, or the errno.
int take_blocks(int file, std::uint64_t from, std::uint64_t to) {
  int code = 0;
  do
    code = ::fallocate(file, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0 ? 0 : errno;
  while (code == EINTR);
  return code;
}

} // namespace

disk_room::disk_room(std::string directory, int data_file, std::uint64_t map_size, std::uint64_t ballast)
    : directory_{std::move(directory)}, data_file_{data_file}, map_size_{map_size}, ballast_{ballast} {
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) == 0)
    ballast_ = std::min<std::uint64_t>(ballast_, disk.f_blocks * disk.f_frsize / 100);
  if (ballast_ < smallest_ballast)
    ballast_ = 0;
  struct stat file {};
  // One of an earlier start counts when it is whole; else it is taken anew when there is room.
  ballast_stands_ = ::stat(ballast_path().c_str(), &file) == 0 &&
                    static_cast<std::uint64_t>(file.st_size) >= ballast_ && ballast_ != 0;
  if (!ballast_stands_)
    take_ballast();
  blanks_ = blank_blocks_of(data_file_);
}

bool disk_room::ensure(std::uint64_t end) {
  end = std::min(end, map_size_);
  const bool there = take(end);
  // Also without new blocks: a commit that fits into what is free inside the file may use what was taken before.
  if (blanks_)
    blanks_->use(end, taken_);
  return there;
}

/// Takes the next step's blocks when half of the last is used, so that there is time to blank them.
bool disk_room::take(std::uint64_t end) {
  const auto step = std::clamp(end / 16, smallest_step, largest_step);
  const auto generous = std::min(end + step, map_size_);
  if (!takes_ahead_ || generous <= taken_ || (end <= taken_ && (taken_ - end >= step / 2 || crowded_)))
    return true;
  int code = take_blocks(data_file_, taken_, generous);
  if (code == 0) {
    taken_ = generous;
    crowded_ = false;
    return true;
  }
  if (end <= taken_) {
    crowded_ = true;
    return true;
  }
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    code = take_blocks(data_file_, taken_, end);
    if (code == 0) {
      taken_ = end;
      return true;
    }
  }
  switch (code) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return false;
  case EIO:
    throw fatal_store_error{"the disk of " + directory_ + " answers EIO; check the disk, then start again"};
  default: // EOPNOTSUPP and its like: not on this file system
    takes_ahead_ = false;
    return true;
  }
}

bool disk_room::give_up_ballast() {
  const std::lock_guard guard{ballast_mutex_};
  if (!std::exchange(ballast_stands_, false))
    return false;
  return ::unlink(ballast_path().c_str()) == 0;
}

bool disk_room::ballast_missing() const {
  const std::lock_guard guard{ballast_mutex_};
  return ballast_ != 0 && !ballast_stands_;
}

void disk_room::retake_ballast() {
  const std::lock_guard guard{ballast_mutex_};
  if (ballast_stands_ || ballast_ == 0)
    return;
  const auto now = domain::boot_clock::now().time_since_epoch().count();
  if (looked_at_ != 0 && now - looked_at_ < look_interval)
    return;
  take_ballast();
}

void disk_room::take_ballast() {
  looked_at_ = domain::boot_clock::now().time_since_epoch().count();
  if (ballast_ == 0 || free_bytes() < plenty * ballast_)
    return;
  const int file = ::open(ballast_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    return;
  // Never posix_fallocate: where the file system can't, it would write every byte.
  const int code = take_blocks(file, 0, ballast_);
  ::close(file);
  ballast_stands_ = code == 0;
  if (ballast_stands_)
    return;
  ::unlink(ballast_path().c_str());
  if (code != ENOSPC && code != EDQUOT && code != EFBIG)
    ballast_ = 0; // not on this file system
}

std::uint64_t disk_room::free_bytes() const {
  struct statvfs disk {};
  return ::statvfs(directory_.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : 0;
}

std::uint64_t disk_room::data_file_size() const {
  struct stat file {};
  return ::fstat(data_file_, &file) == 0 ? static_cast<std::uint64_t>(file.st_size) : 0;
}

std::string network_file_system(std::int64_t magic) {
  static constexpr std::pair<std::int64_t, const char*> known[] = {
      {0x6969, "NFS"},       {0x517B, "SMB"},        {0xFF534D42, "CIFS"},
      {0xFE534D42, "SMB2"},  {0x01021997, "9P"},     {0x00C36400, "Ceph"},
      {0x5346414F, "AFS"},   {0x6B414653, "AFS"},    {0x73757245, "Coda"},
      {0x564C, "NCP"},       {0x0BD00BD0, "Lustre"}, {0x7461636F, "OCFS2"},
      {0x01161970, "GFS2"},  {0x47504653, "GPFS"},   {0x786F4256, "VirtualBox shared folder"},
      {0xAAD7AAEA, "Panfs"}, {0x19830326, "BeeGFS"},
  };
  const auto* found = std::find_if(std::begin(known), std::end(known),
                                   [&](const auto& entry) { return entry.first == (magic & 0xFFFFFFFF); });
  return found == std::end(known) ? std::string{} : std::string{found->second};
}

std::int64_t file_system_of(const std::string& path) {
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0)
    throw store_error{"can't look at the file system of " + path + ": " + std::strerror(errno)};
  return static_cast<std::int64_t>(system.f_type);
}

} // namespace carillon::storage
