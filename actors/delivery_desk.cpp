#include "actors/delivery_desk.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::actors {

void delivery_desk::submit(job_vector jobs, const outcome_taker& owner) {
  if (jobs.empty())
    return;
  {
    const std::lock_guard lock{guard_};
    const auto [it, fresh] = accounts_.try_emplace(jobs.front().owner);
    auto& entry = it->second;
    if (!fresh && !entry.owner)
      --left_behind_;
    if (entry.owner != owner)
      entry.owner = owner;
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
    if (!entry.owner) {
      entry.ended_at = now;
    } else if (entry.ended.empty()) {
      entry.ended_at = now;
      gathering_.push_back({now, account});
    }
    entry.ended.push_back(std::move(o));
    if (entry.owner && entry.in_flight.empty())
      tell(account);
  }
  for (; !gathering_.empty(); gathering_.pop_front()) {
    const auto& [since, account] = gathering_.front();
    const auto it = accounts_.find(account);
    if (it == accounts_.end() || !it->second.owner || it->second.ended.empty() || it->second.ended_at != since)
      continue; // told or left behind meanwhile
    if (since + longest_gathering > now)
      break;
    tell(account);
  }
  // As many of those who wait as there are slots, the longest waiting first; who gets too few asks again.
  for (; freed > 0 && !hungry_.empty(); --freed, hungry_.pop_front())
    caf::anon_send(hungry_.front(), slots_atom_v);
  forget_left_behind(now);
  return !gathering_.empty();
}

/// Under the lock, so that `resume` finds each POST under way, kept back, or told.
void delivery_desk::tell(std::uint64_t account) {
  const auto it = accounts_.find(account);
  caf::anon_send(it->second.owner, std::exchange(it->second.ended, {}));
  if (!it->second.in_flight.empty())
    return;
  accounts_.erase(it);
  if (accounts_.empty())
    idle_.notify_all();
}

void delivery_desk::leave_behind(domain::account_id account, const outcome_taker& by, outcome_vector unsaid) {
  const std::lock_guard lock{guard_};
  auto it = accounts_.find(raw(account));
  if (it == accounts_.end()) {
    if (unsaid.empty())
      return;
    it = accounts_.emplace(raw(account), account_entry{}).first;
    ++left_behind_;
  } else if (it->second.owner && it->second.owner == by) {
    it->second.owner = nullptr;
    ++left_behind_;
  } else if (it->second.owner) {
    if (!unsaid.empty())
      caf::anon_send(it->second.owner, std::move(unsaid));
    return;
  }
  auto& entry = it->second;
  entry.ended.insert(entry.ended.begin(), std::make_move_iterator(unsaid.begin()),
                     std::make_move_iterator(unsaid.end()));
  entry.ended_at = domain::boot_clock::now();
}

/// Nobody asked for long: the shard was taken over by a node that doesn't know of these.
void delivery_desk::forget_left_behind(domain::boot_time now) {
  if (left_behind_ == 0)
    return;
  std::erase_if(accounts_, [&](const auto& one) {
    const auto& entry = one.second;
    const bool over = !entry.owner && entry.in_flight.empty() && now - entry.ended_at > longest_left_behind;
    left_behind_ -= over ? 1 : 0;
    return over;
  });
}

bool delivery_desk::wait_until_idle(std::chrono::milliseconds timeout) {
  std::unique_lock lock{guard_};
  return idle_.wait_for(lock, timeout, [this] { return accounts_.empty(); });
}

void delivery_desk::wait_for_slots(account_actor who) {
  const std::lock_guard lock{guard_};
  if (slots_.available() > 0)
    caf::anon_send(who, slots_atom_v);
  else
    hungry_.push_back(std::move(who));
}

std::vector<std::uint64_t> delivery_desk::resume(domain::account_id account, const outcome_taker& owner) {
  const std::lock_guard lock{guard_};
  const auto it = accounts_.find(raw(account));
  if (it == accounts_.end())
    return {};
  if (!it->second.owner)
    --left_behind_;
  it->second.owner = owner;
  auto open = it->second.in_flight;
  for (const auto& o : it->second.ended)
    open.push_back(o.token);
  if (!it->second.ended.empty())
    tell(raw(account));
  return open;
}

} // namespace carillon::actors
