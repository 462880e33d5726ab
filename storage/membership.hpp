#pragma once

#include "domain/foreign_clocks.hpp"
#include "storage/lmdb.hpp"
#include "storage/store.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What ties a node's store to a cluster.
namespace carillon::storage {

/// What all stores of a cluster have in common; made with the first of them.
struct cluster_identity {
  std::string name;    ///< `cluster.name`
  std::string founder; ///< the UUID of that first store
  std::array<std::uint8_t, 16> hash_key{};
  std::uint16_t shards = 0;
  std::uint32_t generation = 1;
  bool operator==(const cluster_identity&) const = default;
};

/// The cluster that the store belongs to; nothing when it is a node's alone.
std::optional<cluster_identity> membership(const store& s);
/// The same of any file; `name` is what errors call it.
std::optional<cluster_identity> membership(const read_transaction& txn, const std::string& name);

/// Who had a shard whole, as the store's node knew: so that backups tell which of them count.
struct shard_members {
  domain::shard_id shard{};
  std::uint64_t epoch = 0;
  std::vector<std::string> full; ///< nodes: their stores' UUIDs
};
domain::table_write plan_members(const std::vector<shard_members>& of);
std::vector<shard_members> read_members(const read_transaction& txn, const std::string& name);

/// The rows of a table of another node's clocks.
domain::table_write plan_clock(const domain::foreign_clocks::reading& seen);
std::vector<domain::foreign_clocks::reading> read_clocks(const store& s);

/// As text, so that it may stand anywhere.
std::string encode_membership(const cluster_identity& of);
/// Nothing for what can't be read.
std::optional<cluster_identity> decode_membership(std::string_view text);
std::string membership_key();

} // namespace carillon::storage
