// What comes in, and which configuration holds. Following and leading have files of their own.
#include "replication/replica.hpp"

#include <algorithm>
#include <utility>

namespace carillon::replication {

replica::replica(node_id self, const stored_state& found, replica_settings settings, ports& out)
    : self_{std::move(self)}, settings_{settings}, out_{out}, promised_{found.promised}, last_{found.last},
      base_{found.base}, whole_{found.whole}, reset_in_{found.reset_in}, last_staged_{found.last_staged},
      durable_{found.last.seq}, applied_{found.applied}, marked_{found.applied}, committed_{found.applied},
      known_equal_{found.applied}, reported_{found.applied} {}

void replica::received(const node_id& from, message what) {
  std::visit([&](auto& m) { on(from, m); }, what);
}

void replica::stored() {
  auto done = std::move(writes_.front());
  writes_.pop_front();
  switch (done.what) {
  case write::kind::promise:
    if (attempt_ && attempt_->at == attempt::phase::promising && attempt_->next.epoch == done.through) {
      attempt_->at = attempt::phase::swapping;
      out_.swap(attempt_->next, attempt_->expected);
    } else {
      judge_configuration();
    }
    break;
  case write::kind::rows:
  case write::kind::part:
    durable_ = std::max(durable_, done.through);
    if (leading_ != 0)
      ages_.durable(durable_, now_);
    break;
  case write::kind::apply:
    applying_ = false;
    marked_ = std::max(marked_, done.through);
    applied_ = std::max(applied_, done.through);
    break;
  case write::kind::reset:
    durable_ = done.through;
    break;
  }
  if (done.answer)
    out_.send(done.asker, std::move(*done.answer));
  apply_committed();
  if (leading_ != 0) {
    ship_all();
    advance();
  }
}

void replica::tick(std::chrono::milliseconds now) {
  now_ = now;
  if (attempt_ && attempt_->at == attempt::phase::resting && now_ >= attempt_->again)
    swap_again();
  else if (!attempt_)
    judge_configuration();
  for (auto& [who, p] : peers_) {
    if (p.counted && !attempt_ && silent(p))
      p.counted = false; // a learner that is silent holds nobody up
    if (p.known.in_step && p.told_committed < committed_ && !p.waiting)
      say_committed(who, p);
    if (now_ - p.sent >= settings_.resend_after)
      say_again(who, p);
    if (p.part && now_ - p.part_sent >= settings_.resend_after)
      say_lead(who, p); // its answer tells which part it lacks
  }
  forget_ages();
}

bool replica::busy() const {
  if (attempt_ || (current_.at != 0 && current_.value.primary == self_ && leading_ != current_.value.epoch))
    return true;
  return std::any_of(peers_.begin(), peers_.end(), [this](const auto& one) {
    const auto& p = one.second;
    return !p.known.in_step || !p.known.whole || p.waiting || p.part || p.told_committed < committed_;
  });
}

void replica::reached(const node_id& who) {
  if (const auto it = peers_.find(who); it != peers_.end() && leading_ != 0)
    say_lead(who, it->second);
}

// --- configuration ---

void replica::configured(const versioned& what) {
  if (what.at > current_.at)
    current_ = what;
  if (attempt_) {
    const bool over = current_.value.epoch >= attempt_->next.epoch || current_.at != attempt_->expected;
    if (over)
      attempt_.reset();
    else if (attempt_->at == attempt::phase::reading)
      rest(); // the swap had no effect
  }
  judge_configuration();
}

void replica::not_configured() {
  if (attempt_ && attempt_->at == attempt::phase::reading)
    rest();
}

void replica::swapped() {
  // Its answer may be lost, or late: only what is there now counts.
  if (attempt_ && attempt_->at == attempt::phase::swapping) {
    attempt_->at = attempt::phase::reading;
    out_.read_configuration();
  }
}

/// After a read that failed, or that showed no effect of the swap.
void replica::rest() {
  auto& a = *attempt_;
  a.at = attempt::phase::resting;
  a.rest = std::clamp(a.rest * 2, first_swap_rest, longest_swap_rest);
  a.again = now_ + a.rest;
}

/// It compares a revision: done twice, it has effect once.
void replica::swap_again() {
  attempt_->at = attempt::phase::swapping;
  out_.swap(attempt_->next, attempt_->expected);
}

void replica::judge_configuration() {
  const auto& now = current_.value;
  if (current_.at == 0)
    return;
  if (now.primary != self_) {
    if (leading_ != 0 && now.epoch > leading_)
      stop_leading();
    return;
  }
  if (leading_ == now.epoch || attempt_)
    return;
  if (promised_.at < now.epoch) {
    // Handed over: nobody else leads in this epoch.
    raised_ = now.epoch;
    save({now.epoch, self_}, {}, std::nullopt);
  } else if (raised_ == now.epoch && promised_ == promise{now.epoch, self_}) {
    const bool durable = std::none_of(writes_.begin(), writes_.end(),
                                      [](const write& w) { return w.what == write::kind::promise; });
    if (durable)
      become_leader(now.epoch);
  } else {
    // Of an earlier life, or promised away since: only a new epoch is free of what was said in that.
    reconfigure(now);
  }
}

bool replica::reconfigure(coordination::shard_configuration next) {
  if (attempt_ || !whole_)
    return false;
  const bool mine = next.primary == self_;
  if (!all_filled(next))
    return false;
  if (!mine && (leading_ == 0 || !closed_ || committed_ != last_.seq || !caught_up(next.primary)))
    return false;
  next.epoch = std::max({current_.value.epoch, promised_.at, highest_refused_}) + 1;
  attempt_ = attempt{next, current_.at, attempt::phase::promising};
  if (mine)
    raised_ = next.epoch;
  save({next.epoch, next.primary}, {}, std::nullopt);
  return true;
}

/// Each full member of `next` has, and until the swap is decided gets, all that is committed.
bool replica::all_filled(const coordination::shard_configuration& next) const {
  if (current_.at == 0)
    return true; // the first configuration: there is nothing yet
  return std::all_of(next.members.begin(), next.members.end(), [&](const coordination::shard_member& m) {
    if (m.role != coordination::member_role::full)
      return true;
    const auto* before = current_.value.find(m.node);
    return (before != nullptr && before->role == coordination::member_role::full) ||
           (leading_ == current_.value.epoch && caught_up(m.node));
  });
}

void replica::stop_proposing() {
  closed_ = true;
}

} // namespace carillon::replication
