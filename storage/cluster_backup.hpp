#pragma once

#include "domain/ids.hpp"
#include "storage/lmdb.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace carillon::storage {

/// Whether the backup is of a node that belonged to a cluster. Throws store_error when it can't be read.
bool is_of_cluster(const std::string& backup);

/// The backups of a cluster's nodes, taken together: each has the shards that its node was a member of. Of every
/// shard that copy of a full member counts which went furthest; what of it was not committed everywhere when it was copied counts as
/// committed, for the node that goes on with it is alone.
class cluster_backup {
public:
  /// Reads which shards they hold. Throws store_error: they are of several clusters, or no one has a whole copy of
  /// some shard.
  explicit cluster_backup(std::span<const std::string> backups);

  /// The one with the furthest copy of accounts, keys and tokens.
  const std::string& base() const { return backups_[base_]; }

  /// Makes of a copy of `base` the store of a node alone, with all shards: durable when it returns. Throws
  /// lmdb_error, or store_error when a backup is damaged.
  void bring_together(environment& into) const;

private:
  std::vector<std::string> backups_;
  std::map<domain::shard_id, std::size_t> sources_; ///< which backup each shard is taken from
  std::size_t base_ = 0;
};

} // namespace carillon::storage
