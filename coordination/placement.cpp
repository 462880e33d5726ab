#include "coordination/placement.hpp"

#include "crypto/hash.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

namespace carillon::coordination {

namespace {

using domain::shard_id;

/// The same on every node and in every version: another key would move every shard.
constexpr std::array<std::uint8_t, 16> score_key{};

std::uint64_t score(shard_id shard, const node_id& node) {
  return crypto::siphash24(score_key, node + "/" + std::to_string(domain::raw(shard)));
}

/// An even share of `things` over `nodes`, rounded up, and one more: without that one, nearly every node that
/// comes or goes would push shards about among the others.
std::size_t most_of(std::size_t things, std::size_t nodes) {
  return (things + nodes - 1) / nodes + 1;
}

/// The nodes in the order in which the shard prefers them.
std::vector<node_id> preferred(shard_id shard, const std::set<node_id>& nodes) {
  std::vector<std::pair<std::uint64_t, node_id>> scored;
  for (const auto& node : nodes)
    scored.emplace_back(score(shard, node), node);
  std::ranges::sort(scored, std::greater{});
  std::vector<node_id> out;
  for (auto& each : scored)
    out.push_back(std::move(each.second));
  return out;
}

/// Up to `count` of `from`: in their order those with less than `most`, then, if these don't suffice, those
/// that have the least.
std::vector<node_id> take(std::vector<node_id> from, std::size_t count, std::map<node_id, std::size_t>& load,
                          std::size_t most) {
  const auto has_room = [&](const node_id& node) { return load[node] < most; };
  const auto full = std::stable_partition(from.begin(), from.end(), has_room);
  std::stable_sort(full, from.end(), [&](const auto& a, const auto& b) { return load[a] < load[b]; });
  from.resize(std::min(count, from.size()));
  for (const auto& node : from)
    ++load[node];
  return from;
}

using kind = placement_step::kind;

/// One shard as it is, beside what is wanted of it.
struct judged_shard {
  shard_id shard;
  const shard_configuration& now;
  const wanted_members& wanted;
  const std::set<node_id>& alive;
  std::size_t replicas;

  bool moves() const { return now.count(member_role::full) != now.members.size(); }

  /// Those that have a row when it counts, and live.
  std::size_t living() const {
    return static_cast<std::size_t>(std::ranges::count_if(now.members, [&](const auto& member) {
      return member.role != member_role::learner && alive.contains(member.node);
    }));
  }

  /// Nothing more to copy before `node` may go?
  bool can_spare(const node_id& node) const {
    const auto others = std::ranges::count_if(now.members, [&](const auto& member) {
      return member.node != node && member.role == member_role::full && alive.contains(member.node);
    });
    return static_cast<std::size_t>(others) >= replicas;
  }

  bool is_wanted(const node_id& node) const {
    return std::ranges::find(wanted.members, node) != wanted.members.end();
  }

  std::optional<placement_step> step() const {
    for (const auto& member : now.members)
      if (member.role == member_role::learner && !alive.contains(member.node))
        return placement_step{shard, kind::remove_member, member.node};
    if (!alive.contains(now.primary) || moves())
      return std::nullopt;
    for (const auto& node : wanted.members)
      if (now.find(node) == nullptr)
        return placement_step{shard, kind::add_learner, node};
    if (now.primary != wanted.primary)
      return placement_step{shard, kind::hand_over, wanted.primary};
    for (const auto& member : now.members)
      if (!is_wanted(member.node) && can_spare(member.node))
        return placement_step{shard, kind::remove_member, member.node};
    return std::nullopt;
  }
};

} // namespace

std::map<shard_id, wanted_members> wanted_placement(const std::vector<shard_id>& shards,
                                                    const std::set<node_id>& nodes, std::size_t replicas) {
  std::map<shard_id, wanted_members> out;
  if (nodes.empty())
    return out;
  const auto copies = std::min(replicas, nodes.size());
  const auto most_members = most_of(shards.size() * copies, nodes.size());
  const auto most_primaries = most_of(shards.size(), nodes.size());
  std::map<node_id, std::size_t> members, primaries;
  for (const auto shard : shards) {
    auto& wanted = out[shard];
    wanted.members = take(preferred(shard, nodes), copies, members, most_members);
    wanted.primary = take(wanted.members, 1, primaries, most_primaries).front();
  }
  return out;
}

shard_configuration first_configuration(const wanted_members& wanted) {
  shard_configuration out{1, wanted.primary, {}};
  for (const auto& node : wanted.members)
    out.members.push_back({node, member_role::full});
  return out;
}

std::vector<placement_step> next_steps(const shard_map& current,
                                       const std::map<shard_id, wanted_members>& wanted,
                                       const std::set<node_id>& alive, std::size_t replicas) {
  std::vector<judged_shard> judged;
  std::size_t moving = 0;
  for (const auto& [shard, now] : current) {
    const auto its = wanted.find(shard);
    if (its == wanted.end() || its->second.members.empty())
      continue;
    judged.push_back({shard, now, its->second, alive, replicas});
    moving += judged.back().moves() ? 1 : 0;
  }
  std::vector<const judged_shard*> order;
  for (const auto& each : judged)
    order.push_back(&each);
  std::ranges::stable_sort(order, {}, [&](const auto* each) { return each->living() >= replicas; });

  std::vector<placement_step> steps;
  for (const auto* each : order)
    if (auto step = each->step()) {
      const bool moves = step->what != kind::remove_member;
      if (moves && moving >= shards_moving_at_once)
        continue;
      moving += moves ? 1 : 0;
      steps.push_back(std::move(*step));
    }
  return steps;
}

} // namespace carillon::coordination
