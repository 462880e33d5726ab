#pragma once

#include "coordination/shard_map.hpp"
#include "domain/ids.hpp"
#include "replication/replica.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// How far the members of shards are behind their primaries, which alone know it, and how they tell other nodes.
namespace carillon::actors {

struct member_lag {
  coordination::node_id node;
  std::optional<replication::replica::lag> behind; ///< nothing: it hasn't said in this epoch where its log stands
  /// How far its copy is, in bytes of keys and values.
  struct fill {
    std::uint64_t done = 0;          ///< durable there
    std::optional<std::uint64_t> of; ///< nothing: not counted yet
    bool operator==(const fill&) const = default;
  };
  std::optional<fill> filled; ///< while it gets a copy, because rows alone can't bring it into step
  bool operator==(const member_lag&) const = default;
};

struct shard_lag {
  domain::shard_id shard{};
  std::uint64_t epoch = 0; ///< in which the primary leads that tells this
  std::vector<member_lag> members; ///< the primary included
  bool operator==(const shard_lag&) const = default;
};

/// How far the members of all shards are, as far as the nodes have told that lead them.
struct lag_report {
  std::map<domain::shard_id, shard_lag> shards; ///< of the primary and the epoch that the asking node knows
  std::set<coordination::node_id> unanswered;   ///< lead a shard and told nothing in time
};

std::string encode_lag(const std::vector<shard_lag>& shards);
/// Nothing when it can't be read.
std::optional<std::vector<shard_lag>> decode_lag(std::string_view text);

} // namespace carillon::actors
