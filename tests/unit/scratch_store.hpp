#pragma once

#include "storage/group_commit.hpp"
#include "storage/store.hpp"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

/// What the suites of the store share: a folder that goes away, a small store, and short ways to commit.
namespace carillon::storage_tests {

struct scratch_folder {
  scratch_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "carillon-store-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw std::runtime_error{"no temporary folder"};
    path = pattern;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  std::string path;
};

/// 16 MiB of map, no ballast.
inline storage::store_settings small_store(const std::string& directory) {
  return {directory, std::uint64_t{16} << 20, 0};
}

/// What the store_error thrown says; empty when none is.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
    return {};
  } catch (const storage::store_error& error) {
    return error.what();
  }
}

inline domain::batch entries_of(std::uint64_t account, std::string entries) {
  return {domain::account_id{account}, std::move(entries), {}};
}

inline storage::log_row row_of(const storage::store& s, std::uint16_t shard, std::uint64_t seq,
                               std::vector<domain::batch> batches) {
  return {domain::shard_id{shard}, seq, 1, s.stamp(), std::move(batches)};
}

inline bool commit_tables(storage::group_commit& writer, std::vector<domain::table_write> writes) {
  storage::log_row row;
  row.shard = domain::system_shard;
  row.batches.push_back({domain::account_id{}, {}, std::move(writes)});
  return writer.commit({&row, 1}).front().batches.front().ok;
}

inline bool put_table(storage::group_commit& writer, std::string key, std::string value) {
  return commit_tables(writer, {{std::move(key), std::move(value), false}});
}

inline bool erase_table(storage::group_commit& writer, std::string key) {
  return commit_tables(writer, {{std::move(key), {}, true}});
}

} // namespace carillon::storage_tests
