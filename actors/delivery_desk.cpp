#include "actors/delivery_desk.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace carillon::actors {

void delivery_desk::submit(job_vector jobs, const account_actor& owner) {
  if (jobs.empty())
    return;
  {
    const std::lock_guard lock{guard_};
    auto& entry = accounts_[jobs.front().owner];
    if (entry.actor != owner)
      entry.actor = owner;
    for (const auto& job : jobs)
      entry.in_flight.push_back(job.token);
  }
  make_(std::move(jobs));
}

void delivery_desk::ended(outcome_vector outcomes) {
  auto freed = outcomes.size();
  // Before the lock: who asks for slots under it sees either these or that somebody is told.
  slots_.release(static_cast<std::uint32_t>(freed));
  const std::lock_guard lock{guard_};
  for (auto& o : outcomes) {
    const auto it = accounts_.find(o.owner);
    if (it == accounts_.end())
      continue;
    auto& [actor, in_flight, list] = it->second;
    if (const auto token = std::find(in_flight.begin(), in_flight.end(), o.token); token != in_flight.end())
      in_flight.erase(token);
    if (list.empty())
      told_.push_back(o.owner);
    list.push_back(std::move(o));
  }
  // Still under the lock, so that `resume` finds each POST either under way or already told.
  for (const auto account : told_) {
    const auto it = accounts_.find(account);
    caf::anon_send(it->second.actor, std::exchange(it->second.ended, {}));
    if (it->second.in_flight.empty())
      accounts_.erase(it);
  }
  told_.clear();
  // As many of those who wait as there are slots, the longest waiting first; who gets too few asks again.
  for (; freed > 0 && !hungry_.empty(); --freed, hungry_.pop_front())
    caf::anon_send(hungry_.front(), slots_atom_v);
}

void delivery_desk::wait_for_slots(account_actor who) {
  const std::lock_guard lock{guard_};
  if (slots_.available() > 0)
    caf::anon_send(who, slots_atom_v);
  else
    hungry_.push_back(std::move(who));
}

std::vector<std::uint64_t> delivery_desk::resume(domain::account_id account, const account_actor& owner) {
  const std::lock_guard lock{guard_};
  const auto it = accounts_.find(raw(account));
  if (it == accounts_.end())
    return {};
  it->second.actor = owner;
  return it->second.in_flight;
}

} // namespace carillon::actors
