#pragma once

#include "domain/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the cluster's configuration says: which nodes there are, and which of them hold which shard. Only
/// values and how they are written; who changes them when is decided above.
namespace carillon::coordination {

/// The UUID made with the node's store: an empty disk is a new node.
using node_id = std::string;

/// What a member of a shard's replica set may do.
enum class member_role : std::uint8_t {
  full,    ///< has the whole log: counts for acknowledgement and may take over
  tailing, ///< has the log from some point on: counts for acknowledgement, never takes over
  learner, ///< is being filled: counts for nothing
};

const char* to_string(member_role role);

struct shard_member {
  node_id node;
  member_role role = member_role::learner;
  bool operator==(const shard_member&) const = default;
};

/// A shard's entry. Each change makes a new epoch.
struct shard_configuration {
  std::uint64_t epoch = 0;
  node_id primary;                   ///< one of the members, `full`
  std::vector<shard_member> members; ///< in the order in which they joined; no node twice
  bool operator==(const shard_configuration&) const = default;

  /// Null when the node is no member.
  const shard_member* find(std::string_view node) const;
  /// How many have the role.
  std::size_t count(member_role role) const;
  /// Those that must have a row before it counts: full and tailing.
  std::size_t acknowledging() const;
};

/// A node's entry: it is there as long as the node keeps its lease alive, and means no more than that.
struct node_registration {
  node_id id;
  std::string name;                   ///< for people: host and port
  std::vector<std::string> addresses; ///< "host:port" of its link, in the order to try
  std::uint32_t protocol = 0;         ///< the newest version of the link's protocol that it speaks
  std::uint32_t oldest_protocol = 0;  ///< the oldest
  bool leaving = false;               ///< it ends: whatever it has is for others, and it takes nothing
  bool operator==(const node_registration&) const = default;
};

// --- Keys -------------------------------------------------------------------------------------------------

/// "/carillon/<cluster>/": everything of one cluster.
std::string cluster_prefix(std::string_view cluster);
/// "/carillon/<cluster>/nodes/"
std::string nodes_prefix(std::string_view cluster);
/// "/carillon/<cluster>/shards/"
std::string shards_prefix(std::string_view cluster);
/// "/carillon/<cluster>/nodes/<id>"
std::string node_key(std::string_view cluster, std::string_view node);
/// "/carillon/<cluster>/shards/<n>", n in decimal
std::string shard_key(std::string_view cluster, domain::shard_id shard);
/// "/carillon/<cluster>/identity": which store the cluster began with. Never changed nor erased.
std::string identity_key(std::string_view cluster);
/// "/carillon/<cluster>/controller": who places shards, under that node's lease.
std::string controller_key(std::string_view cluster);

/// The shard of a key below `shards_prefix`; nothing for any other key.
std::optional<domain::shard_id> shard_of_key(std::string_view cluster, std::string_view key);
/// The node of a key below `nodes_prefix`; nothing for any other key.
std::optional<node_id> node_of_key(std::string_view cluster, std::string_view key);

// --- Values -----------------------------------------------------------------------------------------------

/// Why a value can't be used, naming the key and the member: "/carillon/a/shards/3: #/members/0/role: …".
struct value_fault {
  std::string detail;
};

/// JSON, the same bytes for the same configuration.
std::string encode(const shard_configuration& configuration);
std::string encode(const node_registration& registration);

/// Reads what `encode` wrote, strictly: members that are missing, unknown, repeated or of another type, a
/// primary that is no full member, a node twice are faults. `key` is only named in them.
std::variant<shard_configuration, value_fault> decode_shard(std::string_view key, std::string_view value);
/// The node's id comes from the key.
std::variant<node_registration, value_fault> decode_node(std::string_view cluster, std::string_view key,
                                                         std::string_view value);

// --- The next configuration -------------------------------------------------------------------------------
//
// Each gives the configuration that would follow, its epoch one higher, or nothing when the step isn't allowed
// from here. None looks at who is alive.

/// Without the node, which is not the primary: so a full member stays.
std::optional<shard_configuration> without_member(const shard_configuration& current, std::string_view node);

/// With `node`, a full member, as primary, the old primary removed: it failed.
std::optional<shard_configuration> taken_over_by(const shard_configuration& current, std::string_view node);

/// With `node`, a full member, as primary, the old primary still a full member: both agreed.
std::optional<shard_configuration> handed_to(const shard_configuration& current, std::string_view node);

/// The same members and primary under a new epoch: what a restarted primary asks for.
std::optional<shard_configuration> renewed_by(const shard_configuration& current, std::string_view node);

/// With `node`, no member yet, as learner.
std::optional<shard_configuration> with_learner(const shard_configuration& current, std::string_view node);

/// With the member one step up: a learner tailing or full, a tailing one full.
std::optional<shard_configuration> promoted(const shard_configuration& current, std::string_view node,
                                            member_role to);

/// With the member, which is not the primary, as learner again: its tail didn't match.
std::optional<shard_configuration> demoted(const shard_configuration& current, std::string_view node);

} // namespace carillon::coordination
