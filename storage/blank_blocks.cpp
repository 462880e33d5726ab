#include "storage/blank_blocks.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::storage {

namespace {

constexpr std::uint64_t piece = std::uint64_t{256} << 10;
/// A sync follows that much, or the last piece: until then the blocks don't count as written.
constexpr std::uint64_t synced_at_once = std::uint64_t{4} << 20;

/// Where a commit lets the store grow by so much, its own bytes are what a sync takes, and those of a blank would double
/// them.
constexpr std::uint64_t large_growth = std::uint64_t{256} << 10;

constexpr std::int64_t ext4 = 0xEF53; // and its forerunners
constexpr std::int64_t xfs = 0x58465342;

/// A descriptor of its own: an error of the disk that is told to this one is told to the writer's as well.
class data_file {
public:
  explicit data_file(int of)
      : file_{::open(("/proc/self/fd/" + std::to_string(of)).c_str(), O_WRONLY | O_CLOEXEC)} {}
  ~data_file() {
    if (file_ >= 0)
      ::close(file_);
  }
  data_file(const data_file&) = delete;
  data_file& operator=(const data_file&) = delete;

  bool blank(std::uint64_t from, std::uint64_t to) const {
    while (from < to) {
      const auto count = ::pwrite(file_, zeros_.data(), std::min<std::uint64_t>(zeros_.size(), to - from),
                                  static_cast<off_t>(from));
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return false;
      from += static_cast<std::uint64_t>(count);
    }
    return true;
  }
  bool sync() const { return ::fdatasync(file_) == 0; }

private:
  const int file_;
  const std::vector<char> zeros_ = std::vector<char>(piece);
};

bool gains(int file) {
  struct statfs system {};
  return ::fstatfs(file, &system) == 0 && (system.f_type == ext4 || system.f_type == xfs);
}

} // namespace

blank_blocks::blank_blocks(blanking blank, syncing sync)
    : blank_bytes_{std::move(blank)}, sync_{std::move(sync)}, thread_{[this] { run(); }} {}

blank_blocks::~blank_blocks() {
  {
    const std::lock_guard lock{guard_};
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::uint64_t blank_blocks::next() const { return std::max(blank_, used_ + margin); }

void blank_blocks::use(std::uint64_t end, std::uint64_t taken) {
  std::unique_lock lock{guard_};
  used_ = std::max(used_, end);
  ++commits_;
  if (taken > taken_) {
    if (used_ - used_at_step_ > commits_ * large_growth)
      blank_ = taken;
    used_at_step_ = used_;
    commits_ = 0;
    taken_ = taken;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return from_ == to_ || from_ >= used_ + margin; });
}

void blank_blocks::run() {
  std::uint64_t unsynced = 0;
  std::unique_lock lock{guard_};
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || next() < taken_; });
    if (ending_)
      return;
    from_ = next();
    to_ = std::min(from_ + piece, taken_);
    lock.unlock();
    bool well = blank_bytes_(from_, to_);
    lock.lock();
    unsynced += to_ - from_;
    blank_ = from_ = to_;
    changed_.notify_all();
    if (well && (unsynced >= synced_at_once || next() >= taken_)) {
      lock.unlock();
      well = sync_();
      unsynced = 0;
      lock.lock();
    }
    if (!well)
      return; // the writer meets the disk's error itself
  }
}

std::unique_ptr<blank_blocks> blank_blocks_of(int data_file_descriptor) {
  if (!gains(data_file_descriptor))
    return nullptr;
  const auto file = std::make_shared<const data_file>(data_file_descriptor);
  return std::make_unique<blank_blocks>([file](auto from, auto to) { return file->blank(from, to); },
                                        [file] { return file->sync(); });
}

} // namespace carillon::storage
