#pragma once

#include "coordination/shard_map.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// Who should hold which shard, and the next small step there. Pure: the same input gives the same answer on
/// every node.
namespace carillon::coordination {

/// The configuration of every shard that has one.
using shard_map = std::map<domain::shard_id, shard_configuration>;

/// Where one shard belongs.
struct wanted_members {
  std::vector<node_id> members; ///< best first; fewer than the replicas only when there are fewer nodes
  node_id primary;              ///< one of them
  bool operator==(const wanted_members&) const = default;
};

/// Where each shard belongs, by rendezvous hashing over the nodes: a node that comes or goes moves its own
/// share and nothing else, and no node has more than its even share of shards, nor of primaries, rounded up
/// and one more. Nothing when there is no node.
std::map<domain::shard_id, wanted_members> wanted_placement(const std::vector<domain::shard_id>& shards,
                                                            const std::set<node_id>& nodes,
                                                            std::size_t replicas);

/// The first configuration of a shard without one: epoch 1, all its members full, for there is nothing to
/// copy.
shard_configuration first_configuration(const wanted_members& wanted);

/// One step of one shard towards where it belongs.
struct placement_step {
  enum class kind : std::uint8_t {
    add_learner,   ///< `node` begins to be filled
    hand_over,     ///< `node`, a full member, is to become primary, by agreement with the primary
    remove_member, ///< `node` is one more than needed, or dead
  };
  domain::shard_id shard{};
  kind what = kind::add_learner;
  node_id node;
  bool operator==(const placement_step&) const = default;
};

/// Shards that may be on the move (with a learner or a tailing member) at a time: a copy loads the disk and
/// the link of two nodes.
inline constexpr std::size_t shards_moving_at_once = 2;

/// What to do next: at most one step a shard, and only so many learners that no more than
/// `shards_moving_at_once` shards are on the move. A shard keeps its members until those it is to have are
/// full; a shard with a dead member comes before one that only moves. A dead primary is left alone: a full
/// member takes over by itself. Empty: everything is where it belongs, or on its way there.
std::vector<placement_step> next_steps(const shard_map& current,
                                       const std::map<domain::shard_id, wanted_members>& wanted,
                                       const std::set<node_id>& alive, std::size_t replicas);

} // namespace carillon::coordination
