#include "storage/cluster_backup.hpp"

#include "storage/keys.hpp"
#include "storage/membership.hpp"
#include "storage/replica_rows.hpp"
#include "storage/store_header.hpp"
#include "storage/store_lock.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

namespace carillon::storage {

namespace {

/// Bytes that are written with one commit: what is dirty is held in memory.
constexpr std::size_t commit_bytes = std::size_t{32} << 20;

environment open_backup(const std::string& backup) {
  return environment{{.path = data_path(backup), .map_size = 0, .read_only = true, .single_file = true}};
}

std::string shard_prefix(domain::shard_id shard) {
  return key(shard, row_kind::log).substr(0, key_head_size - 1);
}

/// Writes to a store in commits of a bounded size.
class bulk_writer {
public:
  explicit bulk_writer(environment& env) : env_{env} {}
  void put(std::string_view row_key, std::string_view value) {
    begin();
    txn_->put(row_key, value);
    wrote(row_key.size() + value.size());
  }
  void erase(std::string_view row_key) {
    begin();
    txn_->erase(row_key);
    wrote(row_key.size());
  }
  void commit() {
    if (txn_)
      std::exchange(txn_, std::nullopt)->commit();
    bytes_ = 0;
  }

private:
  void begin() {
    if (!txn_)
      txn_.emplace(env_);
  }
  void wrote(std::size_t bytes) {
    if ((bytes_ += bytes) >= commit_bytes)
      commit();
  }

  environment& env_;
  std::optional<write_transaction> txn_;
  std::size_t bytes_ = 0;
};

void erase_shard(environment& env, domain::shard_id shard) {
  bulk_writer out{env};
  const read_transaction txn{env};
  cursor at{txn};
  const auto prefix = shard_prefix(shard);
  for (bool more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next())
    out.erase(at.key());
  out.commit();
}

void copy_shard(const environment& from, environment& to, domain::shard_id shard) {
  bulk_writer out{to};
  const read_transaction txn{from};
  cursor at{txn};
  const auto prefix = shard_prefix(shard);
  for (bool more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next())
    out.put(at.key(), at.value());
  out.commit();
}

/// Does what is staged of the log's rows and forgets that there were other members.
void leave_cluster(environment& env, domain::shard_id shard, const std::string& name) {
  bulk_writer out{env};
  const read_transaction txn{env};
  cursor at{txn};
  const auto found = read_replica(txn, shard, name);
  const auto staged = key(shard, row_kind::staged);
  for (bool more = at.seek(staged); more && at.key().starts_with(staged); more = at.next()) {
    if (number_in_key(at.key(), key_head_size).value_or(0) > found.progress.applied) {
      const auto writes = decode_table_writes(at.value());
      if (!writes)
        throw store_error{name + " is damaged in staged writes of shard " + std::to_string(raw(shard))};
      for (const auto& write : *writes)
        write.erase ? out.erase(write.key) : out.put(write.key, write.value);
    }
    out.erase(at.key());
  }
  for (const auto kind : {row_kind::promise, row_kind::replica, row_kind::clock, row_kind::cluster}) {
    const auto prefix = key(shard, kind);
    for (bool more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next())
      out.erase(at.key());
  }
  out.commit();
}

/// A whole copy of a shard in a backup.
struct held_copy {
  std::size_t backup = 0;
  std::string node;
  row_place last;
  std::uint64_t applied = 0;

  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> place() const { return {last.epoch, last.seq, applied}; }
  /// Not what was left behind when the shard went to other nodes.
  bool counts(const shard_members& who) const {
    return last.epoch > who.epoch || std::find(who.full.begin(), who.full.end(), node) != who.full.end();
  }
};

std::optional<cluster_identity> cluster_of(const std::string& backup) {
  const auto env = open_backup(backup);
  return membership(read_transaction{env}, backup);
}

} // namespace

bool is_of_cluster(const std::string& backup) {
  return cluster_of(backup).has_value();
}

cluster_backup::cluster_backup(std::span<const std::string> backups) : backups_{backups.begin(), backups.end()} {
  const auto cluster = cluster_of(backups_.front()).value();
  std::map<domain::shard_id, shard_members> members;
  std::map<domain::shard_id, std::vector<held_copy>> copies;
  for (std::size_t i = 0; i < backups_.size(); ++i) {
    if (cluster_of(backups_[i]) != cluster)
      throw store_error{backups_[i] + " is of another cluster, or of another time of it, than " + backups_.front()};
    const auto env = open_backup(backups_[i]);
    const read_transaction txn{env};
    const auto node = decode_header(txn.get(header_key()).value(), backups_[i]).identity.uuid;
    for (auto& known : read_members(txn, backups_[i]))
      if (auto& newest = members[known.shard]; newest.epoch < known.epoch)
        newest = std::move(known);
    for (std::uint16_t s = 0; s <= cluster.shards; ++s) {
      const auto shard = s < cluster.shards ? domain::shard_id{s} : domain::system_shard;
      if (const auto found = read_replica(txn, shard, backups_[i]); found.progress.whole)
        copies[shard].push_back({i, node, found.last, found.progress.applied});
    }
  }
  std::string missing;
  for (std::uint16_t s = 0; s <= cluster.shards; ++s) {
    const auto shard = s < cluster.shards ? domain::shard_id{s} : domain::system_shard;
    const auto& who = members[shard];
    const held_copy* best = nullptr;
    for (const auto& one : copies[shard])
      if (one.counts(who) && (best == nullptr || best->place() < one.place()))
        best = &one;
    if (best != nullptr)
      sources_[shard] = best->backup;
    else
      missing += (missing.empty() ? "" : ", ") +
                 (shard == domain::system_shard ? "that of accounts, keys and tokens" : std::to_string(s));
  }
  if (!missing.empty())
    throw store_error{"no backup has a whole copy of these shards of cluster \"" + cluster.name + "\": " + missing +
                      "; name the backups of its other nodes, too"};
  base_ = sources_.at(domain::system_shard);
}

void cluster_backup::bring_together(environment& into) const {
  for (const auto& [shard, source] : sources_) {
    if (source != base_) {
      erase_shard(into, shard);
      copy_shard(open_backup(backups_[source]), into, shard);
    }
    leave_cluster(into, shard, backups_[source]);
  }
}

} // namespace carillon::storage
