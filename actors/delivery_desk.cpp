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

bool delivery_desk::ended(outcome_vector outcomes, domain::boot_time now) {
  auto freed = outcomes.size();
  // Before the lock: who asks for slots under it sees either these or that somebody is told.
  slots_.release(static_cast<std::uint32_t>(freed));
  const std::lock_guard lock{guard_};
  for (auto& o : outcomes) {
    const auto it = accounts_.find(o.owner);
    if (it == accounts_.end())
      continue;
    const auto account = o.owner;
    auto& entry = it->second;
    if (const auto token = std::find(entry.in_flight.begin(), entry.in_flight.end(), o.token);
        token != entry.in_flight.end())
      entry.in_flight.erase(token);
    if (entry.ended.empty()) {
      entry.ended_at = now;
      gathering_.push_back({now, account});
    }
    entry.ended.push_back(std::move(o));
    if (entry.in_flight.empty())
      tell(account);
  }
  for (; !gathering_.empty(); gathering_.pop_front()) {
    const auto& [since, account] = gathering_.front();
    const auto it = accounts_.find(account);
    if (it == accounts_.end() || it->second.ended.empty() || it->second.ended_at != since)
      continue; // told meanwhile
    if (since + longest_gathering > now)
      break;
    tell(account);
  }
  // As many of those who wait as there are slots, the longest waiting first; who gets too few asks again.
  for (; freed > 0 && !hungry_.empty(); --freed, hungry_.pop_front())
    caf::anon_send(hungry_.front(), slots_atom_v);
  return !gathering_.empty();
}

/// Under the lock, so that `resume` finds each POST under way, kept back, or told.
void delivery_desk::tell(std::uint64_t account) {
  const auto it = accounts_.find(account);
  caf::anon_send(it->second.actor, std::exchange(it->second.ended, {}));
  if (it->second.in_flight.empty())
    accounts_.erase(it);
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
  auto open = it->second.in_flight;
  for (const auto& o : it->second.ended)
    open.push_back(o.token);
  return open;
}

} // namespace carillon::actors
