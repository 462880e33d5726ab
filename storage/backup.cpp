#include "storage/backup.hpp"

#include "storage/backup_file.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_row_codec.hpp"
#include "storage/store_header.hpp"
#include "storage/store_lock.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>

namespace carillon::storage {

namespace {

namespace fs = std::filesystem;

backup_summary summary_of(const environment& env, const std::string& name, inspection how) {
  const read_transaction txn{env};
  const auto header = txn.get(header_key());
  if (!header)
    throw store_error{name + " has no header row; it is no Carillon store, or damaged"};
  backup_summary summary{decode_header(*header, name).identity, txn.rows(), 0};
  if (how == inspection::header_only)
    return summary;
  cursor at{txn};
  std::uint64_t rows = 0;
  for (bool more = at.first(); more; more = at.next(), ++rows) {
    if (at.key().size() < key_head_size || at.key()[2] != static_cast<char>(row_kind::log))
      continue;
    log_row_head_fields head;
    const auto state = read_log_row(at.value(), head, [](auto, auto, auto) {});
    if (state != log_row_state::good)
      throw store_error{name + " is damaged in log row " +
                        std::to_string(number_in_key(at.key(), key_head_size).value_or(0)) + " (checksum)"};
  }
  if (rows != summary.rows)
    throw store_error{name + " is damaged: it says " + std::to_string(summary.rows) + " rows and has " +
                      std::to_string(rows)};
  return summary;
}

backup_summary copy_into(const environment& env, const std::string& destination) {
  prepare_empty(destination, "the backup");
  const auto partial = destination + "/partial.mdb";
  new_file copy{partial};
  try {
    env.copy_compacted(copy.get());
  } catch (const lmdb_error& error) {
    throw store_error{"the backup into " + destination + " failed: " + error.what()};
  }
  copy.sync_and_close();
  const auto summary = inspect_file(partial, inspection::thorough);
  copy.keep_as(data_path(destination));
  sync_directory(destination);
  return summary;
}

} // namespace

backup_summary back_up(const store& s, const std::string& destination) {
  return copy_into(s.env(), destination);
}

backup_summary back_up_closed(const std::string& directory, const std::string& destination) {
  std::error_code ignored;
  if (!fs::exists(data_path(directory), ignored))
    throw store_error{"there is no store in " + directory};
  const store_lock lock{directory};
  try {
    const environment env{{.path = directory, .map_size = 0, .read_only = true}};
    return copy_into(env, destination);
  } catch (const lmdb_error& error) {
    throw store_error{"the store " + directory + " can't be read: " + error.what()};
  }
}

backup_summary inspect_file(const std::string& path, inspection how) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0)
    throw store_error{"there is no store in " + fs::path{path}.parent_path().string() + ": " + path + ": " +
                      std::strerror(errno)};
  try {
    const environment env{{.path = path, .map_size = 0, .read_only = true, .single_file = true}};
    auto summary = summary_of(env, path, how);
    summary.bytes = static_cast<std::uint64_t>(file.st_size);
    return summary;
  } catch (const lmdb_error& error) {
    throw store_error{path + " can't be read: " + error.what() + "; it is no Carillon store, or damaged"};
  }
}

backup_summary inspect(const std::string& directory, inspection how) {
  return inspect_file(data_path(directory), how);
}

} // namespace carillon::storage
