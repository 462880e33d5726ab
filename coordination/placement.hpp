#pragma once

#include "coordination/shard_map.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
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
/// share and little else. A node that has its even share and one more is passed over while others have not, so
/// shards are spread evenly, and so are primaries. Empty when there is no node.
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
    remove_member, ///< `node` is one more than needed, or a learner that died
  };
  domain::shard_id shard{};
  kind what = kind::add_learner;
  node_id node;
  bool operator==(const placement_step&) const = default;
};

/// Shards that may be on the move (with a learner or a tailing member) at a time: a copy loads the disk and
/// the link of two nodes.
inline constexpr std::size_t shards_moving_at_once = 2;

/// What to do next: at most one step a shard, and only so many new learners and handovers that no more than
/// `shards_moving_at_once` shards are on the move. Shards short of living members come first. A shard keeps
/// its members until those it is to have are full, and a dead one, too, until `replicas` others are: after a
/// restart of the whole cluster it comes back with its data. A shard whose primary is dead is left alone: a
/// full member takes over by itself. Empty: everything is where it belongs, or on its way there.
std::vector<placement_step> next_steps(const shard_map& current,
                                       const std::map<domain::shard_id, wanted_members>& wanted,
                                       const std::set<node_id>& alive, std::size_t replicas);

} // namespace carillon::coordination
