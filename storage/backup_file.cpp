#include "storage/backup_file.hpp"

#include "storage/store_error.hpp"
#include "storage/store_lock.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::storage {

namespace fs = std::filesystem;

new_file::new_file(std::string path) : path_{std::move(path)} {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0)
    throw store_error{"can't write " + path_ + ": " + std::strerror(errno)};
}

new_file::~new_file() {
  if (file_ >= 0)
    ::close(file_);
  if (!kept_)
    ::unlink(path_.c_str());
}

void new_file::sync_and_close() {
  const bool failed = ::fsync(file_) != 0;
  const int code = errno;
  ::close(std::exchange(file_, -1));
  if (failed)
    throw store_error{"can't sync " + path_ + ": " + std::strerror(code)};
}

void new_file::keep_as(const std::string& name) {
  if (::rename(path_.c_str(), name.c_str()) != 0)
    throw store_error{"can't rename " + path_ + " to " + name + ": " + std::strerror(errno)};
  kept_ = true;
}

void prepare_empty(const std::string& directory, const char* what) {
  std::error_code failed;
  if (!fs::exists(directory, failed)) {
    const auto parent = fs::absolute(directory).parent_path();
    fs::create_directories(parent, failed);
    if (::mkdir(directory.c_str(), 0700) != 0)
      throw store_error{std::string{"can't make "} + what + " " + directory + ": " + std::strerror(errno)};
    sync_directory(parent.string());
    return;
  }
  if (!fs::is_directory(directory, failed))
    throw store_error{directory + " is not a directory; name a new or empty one for " + what};
  const bool empty = fs::is_empty(directory, failed);
  if (failed)
    throw store_error{"can't read " + directory + ": " + failed.message()};
  if (!empty)
    throw store_error{directory + " is not empty; name a new or empty directory for " + what};
  if (::chmod(directory.c_str(), 0700) != 0)
    throw store_error{"can't make " + directory + " private: " + std::strerror(errno)};
}

void copy_bytes(const std::string& from, int to) {
  const int source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0)
    throw store_error{"can't read the backup " + from + ": " + std::strerror(errno)};
  std::vector<char> buffer(std::size_t{1} << 20);
  int code = 0;
  for (;;) {
    const auto got = ::read(source, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      code = got < 0 ? errno : 0;
      break;
    }
    for (ssize_t done = 0; done < got && code == 0;) {
      const auto put = ::write(to, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put >= 0)
        done += put;
      else if (errno != EINTR)
        code = errno;
    }
    if (code != 0)
      break;
  }
  ::close(source);
  if (code != 0)
    throw store_error{"can't copy the backup " + from + ": " + std::strerror(code)};
}

} // namespace carillon::storage
