#pragma once

#include <string>

namespace carillon::storage {

/// The exclusive right to a store's directory, held by an flock on `carillon.lock`, which names the process.
/// It ends with the process, however that ends.
class store_lock {
public:
  /// Throws store_error naming the process that has the store.
  explicit store_lock(const std::string& directory);
  ~store_lock();
  store_lock(const store_lock&) = delete;
  store_lock& operator=(const store_lock&) = delete;

private:
  int file_ = -1;
};

/// Makes the directory and its parents, for the owner only, unless it is there. Throws store_error when it
/// can't, or when it lies on a network file system.
void prepare_directory(const std::string& directory);

/// Makes what was created or renamed in the directory durable. Throws store_error.
void sync_directory(const std::string& directory);

/// The data file of a store in that directory.
std::string data_path(const std::string& directory);
/// Where a restore builds the data file; one that is there is from a restore that did not end.
std::string unfinished_path(const std::string& directory);

} // namespace carillon::storage
