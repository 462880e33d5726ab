#include "actors/delivery.hpp"

#include <utility>

namespace carillon::actors {

void delivery_state::submit(std::vector<net::delivery_job> jobs, const account_actor& owner) {
  if (jobs.empty())
    return;
  auto& entry = owners[jobs.front().owner];
  entry.actor = owner;
  for (const auto& job : jobs)
    entry.in_flight.insert(job.token);
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
    for (const auto& o : list)
      it->second.in_flight.erase(o.token);
    self->send(it->second.actor, std::move(list));
    if (it->second.in_flight.empty())
      owners.erase(it);
  }
  // As many of those who wait as there are slots, the longest waiting first; who gets too few asks again.
  for (auto freed = outcomes.size(); freed > 0 && !hungry.empty(); --freed, hungry.pop_front())
    self->send(hungry.front(), slots_atom_v);
}

/// An account was loaded again: its outcomes go to the new actor, which is told what is still under way.
std::vector<std::uint64_t> delivery_state::resume(domain::account_id account, const account_actor& owner) {
  const auto it = owners.find(raw(account));
  if (it == owners.end())
    return {};
  it->second.actor = owner;
  return {it->second.in_flight.begin(), it->second.in_flight.end()};
}

void delivery_state::wait_for_slots(account_actor who) {
  if (node->slots.available() > 0)
    self->send(who, slots_atom_v);
  else
    hungry.push_back(std::move(who));
}

delivery_actor::behavior_type delivery(delivery_actor::stateful_pointer<delivery_state> self,
                                       services_ptr node, std::shared_ptr<net::delivery_engine> engine) {
  self->state.node = std::move(node);
  self->state.engine = std::move(engine);
  return {
      [self](job_vector& jobs, const account_actor& owner) { self->state.submit(std::move(jobs), owner); },
      [self](slots_atom, account_actor& who) { self->state.wait_for_slots(std::move(who)); },
      [self](resume_atom, domain::account_id account, const account_actor& owner) {
        return self->state.resume(account, owner);
      },
      [self](outcome_vector& outcomes) { self->state.ended(std::move(outcomes)); },
  };
}

} // namespace carillon::actors
