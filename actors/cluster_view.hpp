#pragma once

#include "actors/interfaces.hpp"
#include "coordination/placement.hpp"
#include "coordination/shard_map.hpp"
#include "replication/ports.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace carillon::actors {

/// A node whose link stands.
struct reached_node {
  entry_actor entry;
  std::uint64_t link = 0; ///< of `net::node_links`; another one when it was reached anew
  bool operator==(const reached_node&) const = default;
};

/// What a node knows of its cluster at one moment. Made by PLACEMENT, read by everyone.
struct cluster_view {
  std::string name;              ///< `cluster.name`
  coordination::node_id self;
  coordination::node_id founder; ///< whose store the cluster began with: it makes the first configurations
  std::size_t min_replicas = 2;
  std::map<domain::shard_id, replication::versioned> shards;
  std::map<coordination::node_id, coordination::node_registration> nodes; ///< those whose lease is alive
  std::map<coordination::node_id, reached_node> reachable;                ///< those whose link stands
  std::vector<coordination::placement_step> steps; ///< towards where the shards belong

  /// Whether it may be given something.
  bool usable(const coordination::node_id& node) const {
    if (node == self)
      return true;
    const auto entry = nodes.find(node);
    return entry != nodes.end() && !entry->second.leaving && reachable.contains(node);
  }
  const replication::versioned* of(domain::shard_id shard) const {
    const auto it = shards.find(shard);
    return it == shards.end() ? nullptr : &it->second;
  }
};

} // namespace carillon::actors
