#pragma once

#include <string>

/// Files and folders that backups are made of and stores are restored into.
namespace carillon::storage {

/// A file that is closed at the end of its scope and removed unless it was kept. All throw store_error.
class new_file {
public:
  /// Made, for the owner only; one that is there is an error.
  explicit new_file(std::string path);
  ~new_file();
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;

  int get() const noexcept { return file_; }
  void sync_and_close();
  void keep_as(const std::string& name);

private:
  std::string path_;
  int file_ = -1;
  bool kept_ = false;
};

/// Makes the folder, for the owner only, or takes an empty one. `what` names its purpose. Throws store_error.
void prepare_empty(const std::string& directory, const char* what);

/// Appends the file of that name to an open one. Throws store_error.
void copy_bytes(const std::string& from, int to);

} // namespace carillon::storage
