#include "storage/store_lock.hpp"

#include "storage/disk_room.hpp"
#include "storage/store_error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carillon::storage {

store_lock::store_lock(const std::string& directory) {
  const auto path = directory + "/carillon.lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0)
    throw store_error{"the store " + directory + " can't be written: " + path + ": " + std::strerror(errno)};
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    char text[32] = {};
    const auto length = ::pread(file_, text, sizeof text - 1, 0);
    ::close(file_);
    if (code != EWOULDBLOCK)
      throw store_error{"the store " + directory + " can't be locked: " + std::strerror(code)};
    std::string owner{text, length > 0 ? static_cast<std::size_t>(length) : 0};
    while (!owner.empty() && owner.back() == '\n')
      owner.pop_back();
    throw store_error{"the store " + directory + " is in use by process " +
                      (owner.empty() ? "(unknown)" : owner) +
                      "; one process per store: stop that one, or give this one another storage.directory"};
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  // The lock holds without the number, which only serves the message above; a full disk must not stop a start
  // here.
  if (::ftruncate(file_, 0) == 0 && ::pwrite(file_, pid.data(), pid.size(), 0) < 0)
    return;
}

store_lock::~store_lock() {
  ::close(file_);
}

void prepare_directory(const std::string& directory) {
  if (directory.empty())
    throw store_error{"storage.directory is empty; name the folder of the store"};
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path path{directory};
  if (!fs::exists(path, failed)) {
    if (path.has_parent_path())
      fs::create_directories(path.parent_path(), failed);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
      throw store_error{"the store's directory " + directory + " can't be made: " + std::strerror(errno)};
  }
  if (!fs::is_directory(path, failed))
    throw store_error{"storage.directory " + directory + " is not a directory"};
  // A folder that a service manager made beforehand becomes the owner's only with its first store.
  if (!fs::exists(data_path(directory), failed) && ::chmod(directory.c_str(), 0700) != 0)
    throw store_error{"the store's directory " + directory +
                      " can't be made private: " + std::strerror(errno)};
  if (const auto name = network_file_system(file_system_of(directory)); !name.empty())
    throw store_error{"the store's directory " + directory + " is on a network file system (" + name +
                      "), where locks and memory maps don't hold; put it on a local disk"};
}

void sync_directory(const std::string& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int code = file < 0 ? errno : (::fsync(file) == 0 ? 0 : errno);
  if (file >= 0)
    ::close(file);
  if (code != 0)
    throw store_error{"the directory " + directory + " can't be synced: " + std::strerror(code)};
}

std::string data_path(const std::string& directory) {
  return directory + "/data.mdb";
}

std::string unfinished_path(const std::string& directory) {
  return directory + "/restoring.mdb";
}

} // namespace carillon::storage
