#include "actors/delivery.hpp"

#include <utility>

namespace carillon::actors {

void delivery_state::submit(std::vector<net::delivery_job> jobs, const account_actor& owner) {
  if (jobs.empty())
    return;
  auto& entry = owners[jobs.front().owner];
  entry.actor = owner;
  entry.in_flight += static_cast<std::uint32_t>(jobs.size());
  engine->submit(std::move(jobs));
}

void delivery_state::ended(std::vector<net::delivery_outcome> outcomes) {
  node->slots.release(static_cast<std::uint32_t>(outcomes.size()));
  std::unordered_map<std::uint64_t, std::vector<net::delivery_outcome>> by_owner;
  for (auto& o : outcomes)
    by_owner[o.owner].push_back(std::move(o));
  for (auto& [account, list] : by_owner) {
    const auto it = owners.find(account);
    if (it == owners.end())
      continue;
    it->second.in_flight -= static_cast<std::uint32_t>(list.size());
    self->send(it->second.actor, std::move(list));
    if (it->second.in_flight == 0)
      owners.erase(it);
  }
  // Each of those who wait gets its turn; who gets nothing asks again.
  for (auto left = std::exchange(hungry, {}); !left.empty(); left.pop_front())
    self->send(left.front(), slots_atom_v);
}

void delivery_state::wait_for_slots(account_actor who) {
  if (node->slots.available() > 0)
    self->send(who, slots_atom_v);
  else
    hungry.push_back(std::move(who));
}

delivery_actor::behavior_type delivery(delivery_actor::stateful_pointer<delivery_state> self, services_ptr node,
                                       std::shared_ptr<net::delivery_engine> engine) {
  self->state.node = std::move(node);
  self->state.engine = std::move(engine);
  return {
      [self](job_vector& jobs, const account_actor& owner) { self->state.submit(std::move(jobs), owner); },
      [self](slots_atom, account_actor& who) { self->state.wait_for_slots(std::move(who)); },
      [self](outcome_vector& outcomes) { self->state.ended(std::move(outcomes)); },
  };
}

} // namespace carillon::actors
