#include "storage/restore.hpp"

#include "crypto/random.hpp"
#include "storage/backup_file.hpp"
#include "storage/cluster_backup.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/store_header.hpp"
#include "storage/store_lock.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace carillon::storage {

namespace {

constexpr std::uint64_t spare_map = std::uint64_t{64} << 20; ///< bytes a restore may add to the copies

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
void start_new_history(environment& env, const std::string& name, bool of_a_cluster) {
  const auto counters = raised_counters(env);
  write_transaction txn{env};
  const auto value = txn.get(header_key());
  if (!value)
    throw store_error{name + " has no header row; it is no Carillon store, or damaged"};
  auto header = decode_header(*value, name);
  header.identity.generation = next_generation(header.identity.generation);
  header.identity.held = true;
  if (of_a_cluster)
    header.identity.uuid = crypto::uuid_v4(); // no node that the cluster knew may come back with less
  txn.put(header_key(), encode_header(header));
  for (const auto& [k, number] : counters)
    txn.put(k, frame_u64(number));
  txn.commit();
}

/// Nothing for the backup of a node alone.
std::optional<cluster_backup> of_cluster(std::span<const std::string> backups) {
  const auto alone = std::find_if_not(backups.begin(), backups.end(), is_of_cluster);
  if (alone == backups.end())
    return cluster_backup{backups};
  if (backups.size() > 1)
    throw store_error{*alone + " is the backup of a node alone, which is restored by itself"};
  return std::nullopt;
}

} // namespace

backup_summary restore(std::span<const std::string> backups, const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& backup : backups)
    bytes += inspect(backup, inspection::thorough).bytes;
  const auto together = of_cluster(backups);
  const auto& first = together ? together->base() : backups.front();
  prepare_empty(directory, "the restored store");
  prepare_directory(directory);
  const auto building = unfinished_path(directory);
  try {
    new_file copy{building};
    copy_bytes(data_path(first), copy.get());
    copy.sync_and_close();
    {
      environment env{{.path = building, .map_size = 2 * bytes + spare_map, .single_file = true}};
      if (together)
        together->bring_together(env);
      start_new_history(env, first, together.has_value());
    }
    auto summary = inspect_file(building, inspection::header_only);
    copy.keep_as(data_path(directory));
    sync_directory(directory);
    return summary;
  } catch (const lmdb_error& error) {
    throw store_error{"the restore into " + directory + " failed: " + error.what()};
  }
}

} // namespace carillon::storage
