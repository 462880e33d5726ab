// What a node's placement logic does with its replica: suspects, takes over, removes, adds, hands over. Its
// patience is random, so that it is often wrong.
#include "simulated_cluster.hpp"

#include <utility>

namespace carillon::sim {

using coordination::member_role;

void simulated_node::tick() {
  world_.after(world_.random_.between(20_ms, 60_ms), [this, when = life] {
    if (up && when == life)
      tick();
  });
  // While it is paused, ticks aren't made up for.
  if (paused)
    return;
  happen(life, [this] {
    for (const auto& other : world_.nodes_)
      if (other->id != id)
        world_.transmit(id, other->id, std::nullopt);
    core->tick(std::chrono::milliseconds{world_.now_ / 1000});
    if (!core->reconfiguring())
      decide();
    if (serving_ && !handing_to_ && world_.clients_)
      for (auto n = world_.random_.below(4); n > 0; --n)
        propose();
    if (world_.random_.per_mille(30))
      read_for_policy();
  });
}

bool simulated_node::silent(const node_id& who) {
  const auto known = heard_.find(who);
  return known == heard_.end() ||
         world_.now_ - known->second > world_.random_.between(world_.calm_ ? 800_ms : 200_ms, 1'500_ms);
}

std::optional<node_id> simulated_node::spare(const shard_configuration& now) {
  std::vector<node_id> found;
  for (const auto& other : world_.nodes_)
    if (other->id != id && now.find(other->id) == nullptr && !silent(other->id))
      found.push_back(other->id);
  if (found.empty())
    return std::nullopt;
  return world_.random_.one_of(found);
}

void simulated_node::decide() {
  auto& random = world_.random_;
  const auto& now = core->current().value;
  if (core->current().at == 0) {
    if (!absent_ || static_cast<std::size_t>(index_) >= world_.wanted_)
      return;
    shard_configuration first{1, id, {}};
    for (std::size_t i = 0; i < world_.wanted_; ++i)
      first.members.push_back({world_.nodes_[i]->id, member_role::full});
    core->reconfigure(first);
  } else if (now.primary == id) {
    if (core->leading() == now.epoch)
      decide_as_primary(now);
  } else if (const auto* me = now.find(id); me != nullptr && me->role == member_role::full && core->whole()) {
    if (silent(now.primary) || (!world_.calm_ && random.per_mille(2)))
      take_over(now);
  }
}

void simulated_node::take_over(const shard_configuration& now) {
  auto& random = world_.random_;
  auto next = *coordination::taken_over_by(now, id);
  if (random.per_mille(500))
    for (const auto& m : now.members)
      if (m.node != id && m.node != now.primary && silent(m.node))
        next = *coordination::without_member(next, m.node);
  if (const auto other = spare(now); other && random.per_mille(500))
    next.members.push_back({*other, random.per_mille(500) ? member_role::tailing : member_role::learner});
  core->reconfigure(next);
}

void simulated_node::decide_as_primary(const shard_configuration& now) {
  auto& random = world_.random_;
  if (handing_to_) {
    const auto next = coordination::handed_to(now, *handing_to_);
    if (next && core->committed() + 1 == core->next_seq() && core->caught_up(*handing_to_)) {
      core->reconfigure(*next);
    } else if (!next || world_.now_ > handing_until_) {
      core->reconfigure(*coordination::renewed_by(now, id));
    }
    return;
  }
  const auto followers = core->followers();
  for (const auto& m : now.members)
    if (const auto f = followers.find(m.node);
        m.role != member_role::full && f != followers.end() && f->second.whole) {
      core->count_in(m.node);
      if (core->caught_up(m.node) && random.per_mille(500)) {
        core->reconfigure(*coordination::promoted(now, m.node, member_role::full));
        return;
      }
    }
  for (const auto& m : now.members) {
    if (m.node == id || !(silent(m.node) || (!world_.calm_ && random.per_mille(1))))
      continue;
    const bool enough = m.role == member_role::learner ||
                        now.acknowledging() > world_.settings_.min_replicas || random.per_mille(200);
    if (!enough)
      continue;
    auto next = m.role == member_role::full && random.per_mille(200) ? coordination::demoted(now, m.node)
                                                                     : coordination::without_member(now, m.node);
    if (const auto other = spare(now); other && random.per_mille(300))
      next->members.push_back({*other, random.per_mille(300) ? member_role::tailing : member_role::learner});
    core->reconfigure(*next);
    return;
  }
  if (now.members.size() < world_.wanted_)
    if (const auto other = spare(now)) {
      core->reconfigure(*coordination::with_learner(now, *other));
      return;
    }
  if (world_.calm_)
    return;
  if (random.per_mille(3))
    core->reconfigure(*coordination::renewed_by(now, id));
  else if (random.per_mille(3))
    if (const auto other = spare(now))
      core->reconfigure(*coordination::with_learner(now, *other)); // one more than needed
  if (!core->reconfiguring() && serving_ && random.per_mille(10)) {
    const auto& to = random.one_of(now.members);
    if (to.node != id && to.role == member_role::full) {
      world_.say(id, "wants to hand over to " + to.node);
      handing_to_ = to.node;
      handing_until_ = world_.now_ + 1'000_ms;
      core->stop_proposing();
    }
  }
}

} // namespace carillon::sim
