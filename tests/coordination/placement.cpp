#define CAF_SUITE placement
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "coordination/placement.hpp"

#include <algorithm>
#include <random>
#include <string>

using namespace carillon;
using namespace carillon::coordination;

namespace {

using domain::shard_id;
using wanted_map = std::map<shard_id, wanted_members>;
using kind = placement_step::kind;

std::vector<shard_id> shards(std::uint16_t count) {
  std::vector<shard_id> out;
  for (std::uint16_t i = 0; i < count; ++i)
    out.push_back(shard_id{i});
  return out;
}

/// Ids as stores make them.
std::set<node_id> some_nodes(std::mt19937_64& random, std::size_t count) {
  std::set<node_id> out;
  while (out.size() < count)
    out.insert(std::to_string(random()) + "-" + std::to_string(random()));
  return out;
}

std::map<node_id, std::size_t> loads(const wanted_map& wanted) {
  std::map<node_id, std::size_t> out;
  for (const auto& [shard, its] : wanted)
    for (const auto& node : its.members)
      ++out[node];
  return out;
}

std::map<node_id, std::size_t> primaries(const wanted_map& wanted) {
  std::map<node_id, std::size_t> out;
  for (const auto& [shard, its] : wanted)
    ++out[its.primary];
  return out;
}

/// Members that are in `after` and were not in `before`: each is a copy of a shard.
std::size_t copies_between(const wanted_map& before, const wanted_map& after) {
  std::size_t out = 0;
  for (const auto& [shard, its] : after)
    for (const auto& node : its.members)
      out += std::ranges::count(before.at(shard).members, node) == 0 ? 1u : 0u;
  return out;
}

shard_map first_map(const wanted_map& wanted) {
  shard_map out;
  for (const auto& [shard, its] : wanted)
    out[shard] = first_configuration(its);
  return out;
}

std::size_t moving(const shard_map& map) {
  return static_cast<std::size_t>(std::ranges::count_if(
      map, [](const auto& each) { return each.second.count(member_role::full) != each.second.members.size(); }));
}

void apply(shard_map& map, const placement_step& step) {
  auto& now = map.at(step.shard);
  const auto next = step.what == kind::add_learner ? with_learner(now, step.node)
                    : step.what == kind::hand_over ? handed_to(now, step.node)
                                                   : without_member(now, step.node);
  CAF_REQUIRE(next);
  now = *next;
}

/// Takes steps, and lets one shard's copy come to its end in between, until there is none; checks the rules on
/// the way. The number of rounds.
std::size_t settle(shard_map& map, const wanted_map& wanted, const std::set<node_id>& alive, std::size_t replicas) {
  for (std::size_t round = 0; round < 10'000; ++round) {
    const auto steps = next_steps(map, wanted, alive, replicas);
    if (steps.empty() && moving(map) == 0)
      return round;
    for (const auto& step : steps)
      apply(map, step);
    CAF_REQUIRE(moving(map) <= shards_moving_at_once);
    for (auto& [shard, now] : map) {
      std::size_t living = 0;
      for (const auto& member : now.members)
        living += member.role == member_role::full && alive.contains(member.node) ? 1u : 0u;
      CAF_REQUIRE(living >= 1);
      if (const auto filled = std::ranges::find(now.members, member_role::learner, &shard_member::role);
          filled != now.members.end() && alive.contains(filled->node)) {
        now = *promoted(now, node_id{filled->node}, member_role::full);
        break;
      }
    }
  }
  CAF_FAIL("never comes to rest");
}

bool settled(const shard_map& map, const wanted_map& wanted) {
  return std::ranges::all_of(map, [&](const auto& each) {
    const auto& its = wanted.at(each.first);
    return each.second.primary == its.primary && each.second.members.size() == its.members.size() &&
           std::ranges::all_of(its.members, [&](const auto& node) { return each.second.find(node) != nullptr; });
  });
}

} // namespace

CAF_TEST(every shard has its replicas on different nodes and loads are even) {
  std::mt19937_64 random{1};
  for (std::size_t nodes = 1; nodes <= 9; ++nodes)
    for (std::size_t replicas = 1; replicas <= 5; ++replicas)
      for (int round = 0; round < 20; ++round) {
        const auto all = some_nodes(random, nodes);
        const auto wanted = wanted_placement(shards(64), all, replicas);
        CAF_REQUIRE_EQUAL(wanted.size(), 64u);
        const auto copies = std::min(replicas, nodes);
        for (const auto& [shard, its] : wanted) {
          CAF_REQUIRE_EQUAL(std::set<node_id>(its.members.begin(), its.members.end()).size(), copies);
          CAF_REQUIRE(std::ranges::count(its.members, its.primary) == 1);
        }
        const auto even = static_cast<double>(64 * copies) / static_cast<double>(nodes);
        for (const auto& node : all) {
          const auto load = static_cast<double>(loads(wanted)[node]);
          if (load > even + 5 || load < even * (nodes <= 5 ? 0.6 : 0.25))
            CAF_ERROR(nodes << " nodes, " << replicas << " replicas: " << load << " instead of " << even);
          const auto first = static_cast<double>(primaries(wanted)[node]);
          if (first > 64.0 / static_cast<double>(nodes) + 3)
            CAF_ERROR(nodes << " nodes, " << replicas << " replicas: primary of " << first);
        }
      }
}

CAF_TEST(a node that comes or goes moves little more than its share) {
  std::mt19937_64 random{2};
  for (std::size_t nodes = 3; nodes <= 8; ++nodes) {
    double moved = 0, share = 0;
    for (int round = 0; round < 50; ++round) {
      auto all = some_nodes(random, nodes);
      const auto before = wanted_placement(shards(64), all, 2);
      all.insert("newcomer");
      const auto after = wanted_placement(shards(64), all, 2);
      moved += static_cast<double>(copies_between(before, after) + copies_between(after, before));
      share += 2 * 128.0 / static_cast<double>(nodes + 1);
    }
    if (moved > share * 1.5)
      CAF_ERROR(nodes << " nodes: " << moved / share << " times the share");
  }
}

CAF_TEST(placement depends on nothing but the nodes) {
  const std::set<node_id> all{"a", "b", "c"};
  const auto one = wanted_placement(shards(64), all, 2);
  CAF_CHECK(one == wanted_placement(shards(64), all, 2));
  CAF_CHECK(wanted_placement(shards(64), {}, 2).empty());
  // As it has to stay: another order would move every shard of every cluster.
  CAF_CHECK_EQUAL(one.at(shard_id{0}).members, (std::vector<node_id>{"a", "b"}));
}

CAF_TEST(a cluster comes to rest where it should be after a node joined or died or drained) {
  std::mt19937_64 random{3};
  for (std::size_t nodes = 3; nodes <= 6; ++nodes) {
    auto alive = some_nodes(random, nodes);
    auto wanted = wanted_placement(shards(64), alive, 2);
    auto map = first_map(wanted);
    CAF_CHECK(next_steps(map, wanted, alive, 2).empty());

    alive.insert("newcomer");
    wanted = wanted_placement(shards(64), alive, 2);
    CAF_CHECK(settle(map, wanted, alive, 2) > 0);
    CAF_CHECK(settled(map, wanted));

    const auto drained = *alive.begin(); // it lives, but is to have nothing
    auto staying = alive;
    staying.erase(drained);
    wanted = wanted_placement(shards(64), staying, 2);
    settle(map, wanted, alive, 2);
    CAF_CHECK(settled(map, wanted));

    alive = staying;
    const auto dead = *alive.rbegin();
    alive.erase(dead);
    for (auto& [shard, now] : map)
      if (now.primary == dead)
        now = *taken_over_by(now, node_id{now.members[0].node == dead ? now.members[1].node : now.members[0].node});
    wanted = wanted_placement(shards(64), alive, 2);
    settle(map, wanted, alive, 2);
    CAF_CHECK(settled(map, wanted));
  }
}

CAF_TEST(no member goes before those that replace it are full) {
  const wanted_map wanted{{shard_id{1}, {{"c", "d"}, "c"}}};
  const std::set<node_id> alive{"a", "b", "c", "d"};
  shard_map map{{shard_id{1}, {4, "a", {{"a", member_role::full}, {"b", member_role::full}}}}};
  auto& now = map.at(shard_id{1});
  const auto step = [&] {
    const auto steps = next_steps(map, wanted, alive, 2);
    CAF_REQUIRE_EQUAL(steps.size(), 1u);
    apply(map, steps.front());
    return steps.front();
  };
  CAF_CHECK(step() == (placement_step{shard_id{1}, kind::add_learner, "c"}));
  CAF_CHECK(next_steps(map, wanted, alive, 2).empty()); // it is being filled
  now = *promoted(now, "c", member_role::tailing);
  CAF_CHECK(next_steps(map, wanted, alive, 2).empty());
  now = *promoted(now, "c", member_role::full);
  CAF_CHECK(step() == (placement_step{shard_id{1}, kind::add_learner, "d"}));
  now = *promoted(now, "d", member_role::full);
  CAF_CHECK(step() == (placement_step{shard_id{1}, kind::hand_over, "c"}));
  CAF_CHECK(step() == (placement_step{shard_id{1}, kind::remove_member, "a"}));
  CAF_CHECK(step() == (placement_step{shard_id{1}, kind::remove_member, "b"}));
  CAF_CHECK(next_steps(map, wanted, alive, 2).empty());
}

CAF_TEST(dead members are kept until others have what they had) {
  const wanted_map only_one{{shard_id{1}, {{"a"}, "a"}}};
  const shard_map map{{shard_id{1}, {4, "a", {{"a", member_role::full}, {"b", member_role::full}}}}};
  // The whole cluster was restarted, and b is not back yet.
  CAF_CHECK(next_steps(map, only_one, {"a"}, 2).empty());
  // The primary is not back yet.
  CAF_CHECK(next_steps(map, {{shard_id{1}, {{"b", "c"}, "b"}}}, {"b", "c"}, 2).empty());
  const shard_map with_learner{
      {shard_id{1}, {4, "a", {{"a", member_role::full}, {"b", member_role::full}, {"c", member_role::learner}}}}};
  const std::vector<placement_step> without_c{{shard_id{1}, kind::remove_member, "c"}};
  CAF_CHECK(next_steps(with_learner, only_one, {"a"}, 2) == without_c);
}

CAF_TEST(shards that are short of members come first) {
  wanted_map wanted;
  shard_map map;
  for (std::uint16_t i = 0; i < 10; ++i) {
    wanted[shard_id{i}] = {{"a", "c"}, "a"};
    map[shard_id{i}] = {1, "a", {{"a", member_role::full}, {"b", member_role::full}}};
  }
  map[shard_id{7}].members[1].node = "dead";
  map[shard_id{9}].members[1].node = "dead";
  const auto steps = next_steps(map, wanted, {"a", "b", "c"}, 2);
  CAF_REQUIRE_EQUAL(steps.size(), 2u);
  CAF_CHECK(steps[0] == (placement_step{shard_id{7}, kind::add_learner, "c"}));
  CAF_CHECK(steps[1] == (placement_step{shard_id{9}, kind::add_learner, "c"}));
}
