#include "storage/backup.hpp"

#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_row_codec.hpp"
#include "storage/store_header.hpp"
#include "storage/store_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spare_map = std::uint64_t{64} << 20; ///< bytes a restore may add to the copy

/// A file that is closed at the end of its scope and removed unless it was kept.
class new_file {
public:
  explicit new_file(std::string path) : path_{std::move(path)} {
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file_ < 0)
      throw store_error{"can't write " + path_ + ": " + std::strerror(errno)};
  }
  ~new_file() {
    if (file_ >= 0)
      ::close(file_);
    if (!kept_)
      ::unlink(path_.c_str());
  }
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;

  int get() const noexcept { return file_; }
  void sync_and_close() {
    const bool failed = ::fsync(file_) != 0;
    const int code = errno;
    ::close(std::exchange(file_, -1));
    if (failed)
      throw store_error{"can't sync " + path_ + ": " + std::strerror(code)};
  }
  void keep_as(const std::string& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0)
      throw store_error{"can't rename " + path_ + " to " + name + ": " + std::strerror(errno)};
    kept_ = true;
  }

private:
  std::string path_;
  int file_ = -1;
  bool kept_ = false;
};

/// Makes the folder, for the owner only, or takes an empty one.
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

backup_summary summary_of_file(const std::string& path, inspection how) {
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
  const auto summary = summary_of_file(partial, inspection::thorough);
  copy.keep_as(data_path(destination));
  sync_directory(destination);
  return summary;
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

/// Keys and raised values of all counters.
std::vector<std::pair<std::string, std::uint64_t>> raised_counters(const environment& env) {
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  const read_transaction txn{env};
  cursor at{txn};
  for (bool more = at.first(); more;) {
    // From shard to shard: only the counters' ranges are read.
    const auto shard = domain::shard_id{static_cast<std::uint16_t>(
        (static_cast<unsigned char>(at.key()[0]) << 8) | static_cast<unsigned char>(at.key()[1]))};
    const auto prefix = key(shard, row_kind::counter);
    for (more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next()) {
      const auto value = unframe_u64(at.value());
      if (!value)
        throw store_error{"the backup is damaged in the counter " +
                          std::string{at.key().substr(key_head_size)}};
      counters.emplace_back(at.key(), *value + restore_counter_jump);
    }
    if (shard == domain::system_shard)
      break;
    const domain::shard_id next{static_cast<std::uint16_t>(domain::raw(shard) + 1)};
    more = at.seek(key(next, row_kind{}).substr(0, 2));
  }
  return counters;
}

/// A generation that no other restore of the same backup has: two histories that both went on from it would
/// give the same ids to different notifications, and a receiver would take one for a repeat of the other.
/// Seconds of wall time since 2025, at least one more than the backup's.
std::uint32_t next_generation(std::uint32_t current) {
  using namespace std::chrono;
  constexpr sys_days epoch{year{2025} / January / 1};
  const auto seconds_since = duration_cast<seconds>(domain::wall_now() - epoch).count();
  const auto by_clock = static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds_since, 0, UINT32_MAX));
  return std::max(current + 1, by_clock);
}

/// Makes the copy a store of its own history. Durable when it returns.
void start_new_history(const std::string& path, const std::string& name) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0)
    throw store_error{"can't read " + path + ": " + std::strerror(errno)};
  environment env{
      {.path = path, .map_size = static_cast<std::uint64_t>(file.st_size) + spare_map, .single_file = true}};
  const auto counters = raised_counters(env);
  write_transaction txn{env};
  const auto value = txn.get(header_key());
  if (!value)
    throw store_error{name + " has no header row; it is no Carillon store, or damaged"};
  auto header = decode_header(*value, name);
  header.identity.generation = next_generation(header.identity.generation);
  header.identity.held = true;
  txn.put(header_key(), encode_header(header));
  for (const auto& [k, number] : counters)
    txn.put(k, frame_u64(number));
  txn.commit();
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

backup_summary restore(const std::string& backup, const std::string& directory) {
  inspect(backup, inspection::thorough);
  prepare_empty(directory, "the restored store");
  prepare_directory(directory);
  const auto building = unfinished_path(directory);
  try {
    new_file copy{building};
    copy_bytes(data_path(backup), copy.get());
    copy.sync_and_close();
    start_new_history(building, backup);
    auto summary = summary_of_file(building, inspection::header_only);
    copy.keep_as(data_path(directory));
    sync_directory(directory);
    return summary;
  } catch (const lmdb_error& error) {
    throw store_error{"the restore into " + directory + " failed: " + error.what()};
  }
}

backup_summary inspect(const std::string& directory, inspection how) {
  return summary_of_file(data_path(directory), how);
}

} // namespace carillon::storage
