// A replica as primary: it brings the members to its own log, ships rows, counts who has them, and copies the
// shard to nodes whose log doesn't meet its own.
#include "replication/replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace carillon::replication {

using coordination::member_role;

void replica::become_leader(epoch at) {
  leading_ = at;
  closed_ = false;
  std::map<node_id, peer> before = std::exchange(peers_, {});
  for (const auto& m : current_.value.members) {
    if (m.node == self_)
      continue;
    auto& p = peers_[m.node];
    if (const auto old = before.find(m.node); old != before.end()) {
      // Its copy goes on where it was; where its log stands is asked anew.
      p = std::move(old->second);
      p.known.in_step = false;
      p.known.acked = 0;
      p.waiting = p.counted = false;
      before.erase(old);
    }
    p.known.heard = now_;
    say_lead(m.node, p);
  }
  for (const auto& [gone, p] : before)
    out_.end_copy(gone);
  if (serving_ && current_.value.acknowledging() < settings_.min_replicas) {
    serving_ = false;
    out_.end_serving();
  }
  advance();
}

void replica::stop_leading() {
  leading_ = 0;
  closed_ = false;
  for (const auto& [who, p] : std::exchange(peers_, {}))
    out_.end_copy(who);
  if (std::exchange(serving_, false))
    out_.end_serving();
}

replica::peer* replica::known_peer(const node_id& who, epoch at) {
  if (leading_ == 0 || at != leading_)
    return nullptr;
  const auto it = peers_.find(who);
  if (it == peers_.end())
    return nullptr;
  it->second.known.heard = now_;
  return &it->second;
}

void replica::say_lead(const node_id& who, peer& p) {
  p.sent = now_;
  out_.send(who, lead{leading_});
}

/// What was said last, or its answer, seems lost. Heard by either side also when there is nothing to say.
void replica::say_again(const node_id& who, peer& p) {
  p.sent = now_;
  if (!p.known.in_step && p.was_reset) {
    out_.send(who, reset{leading_, p.base});
  } else if (!p.known.in_step || p.waiting) {
    p.waiting = false;
    out_.send(who, lead{leading_});
  } else {
    say_committed(who, p);
  }
}

void replica::say_committed(const node_id& who, peer& p) {
  p.told_committed = committed_;
  p.sent = now_;
  out_.send(who, append{leading_, {}, committed_, {}});
}

// --- where a member's log meets this one ---

void replica::on(const node_id&, const refused& m) {
  if (leading_ == 0 || m.promised < leading_)
    return;
  // It has promised itself to a candidate whose swap came to nothing, or not yet: a later epoch than that
  // frees it.
  highest_refused_ = std::max(highest_refused_, m.promised);
  if (!attempt_)
    reconfigure(current_.value);
}

void replica::on(const node_id& from, const standing& m) {
  if (auto* p = known_peer(from, m.at))
    meet(from, *p, m);
}

/// This very row is in the log here.
bool replica::holds(const row_id& id) const {
  if (id.seq >= last_.seq)
    return id == last_;
  return !erasing() && out_.epoch_of(id.seq) == id.at;
}

void replica::meet(const node_id& who, peer& p, const standing& m) {
  if (p.was_reset && m.base != p.base)
    return; // from before its reset, which is said again
  p.waiting = false;
  if (!m.whole && !p.was_reset)
    return start_over(who, p);
  std::uint64_t equal_to = 0;
  if (holds(m.last) || (m.whole && m.last.seq == m.applied && m.applied <= last_.seq))
    equal_to = m.last.seq;
  else if (!m.whole)
    equal_to = p.base.seq;
  else if (m.applied <= last_.seq)
    equal_to = m.applied; // behind it lies what was never acknowledged
  else
    return start_over(who, p);
  if (equal_to < durable_ && !out_.epoch_of(equal_to + 1))
    return start_over(who, p); // what it lacks is past retention here
  p.known.in_step = true;
  p.known.whole = m.whole;
  p.known.acked = std::max(p.known.acked, std::min(equal_to, durable_));
  p.next = equal_to + 1;
  if (!m.whole && p.part) {
    if (m.parts == *p.part || m.parts == *p.part + 1)
      send_part(who, p, m.parts);
    else
      p.part.reset(); // it has lost count: from the first part on
  }
  copy_on(who, p);
  ship(who, p);
  advance();
}

void replica::start_over(const node_id& who, peer& p) {
  if (p.part)
    out_.end_copy(who);
  p.part.reset();
  p.was_reset = true;
  p.base = last_;
  p.known.in_step = p.known.whole = false;
  p.known.acked = 0;
  p.next = last_.seq + 1;
  p.sent = now_;
  out_.send(who, reset{leading_, p.base});
}

// --- rows ---

void replica::propose(log_entry row) {
  assert(serving_ && !closed_ && row.id.seq == next_seq() && row.id.at == leading_);
  last_ = row.id;
  if (!row.staged.empty())
    last_staged_ = row.id.seq;
  writes_.push_back({write::kind::rows, last_.seq, std::nullopt, {}, false});
  std::vector<log_entry> one;
  one.push_back(std::move(row));
  out_.put(last_.seq - 1, std::move(one));
}

void replica::ship(const node_id& who, peer& p) {
  if (!p.known.in_step || p.waiting || p.next > durable_)
    return;
  append m{leading_, {0, p.next - 1}, committed_, out_.rows(p.next, append_bytes)};
  if (p.was_reset && m.previous.seq == p.base.seq)
    m.previous = p.base;
  else if (m.previous.seq == last_.seq)
    m.previous = last_;
  else
    m.previous.at = out_.epoch_of(m.previous.seq).value_or(0);
  std::erase_if(m.rows, [this](const log_entry& row) { return row.id.seq > durable_; });
  if (m.rows.empty())
    return;
  p.next = m.rows.back().id.seq + 1;
  p.waiting = true;
  p.sent = now_;
  p.told_committed = committed_;
  out_.send(who, std::move(m));
}

void replica::ship_all() {
  for (auto& [who, p] : peers_) {
    copy_on(who, p);
    ship(who, p);
  }
}

void replica::on(const node_id& from, const appended& m) {
  auto* p = known_peer(from, m.at);
  if (p == nullptr)
    return;
  if (!p->known.in_step) {
    if (!p->was_reset || m.last < p->base.seq)
      return;
    p->known.in_step = true; // it has done its reset
    p->next = p->base.seq + 1;
  }
  p->known.acked = std::max(p->known.acked, std::min(m.last, durable_));
  if (m.last + 1 >= p->next)
    p->waiting = false;
  copy_on(from, *p);
  ship(from, *p);
  advance();
}

bool replica::needed(const node_id& who) const {
  const auto counts = [&](const coordination::shard_configuration& c) {
    const auto* m = c.find(who);
    return m != nullptr && m->role != member_role::learner;
  };
  return counts(current_.value) || (attempt_ && counts(attempt_->next)) ||
         (peers_.contains(who) && peers_.at(who).counted);
}

void replica::advance() {
  if (leading_ == 0 || leading_ != current_.value.epoch ||
      current_.value.acknowledging() < settings_.min_replicas)
    return;
  auto to = durable_;
  for (const auto& [who, p] : peers_)
    if (needed(who)) {
      if (!p.known.in_step)
        return;
      to = std::min(to, p.known.acked);
    }
  committed_ = std::max(committed_, to);
  apply_committed();
  report();
  if (!serving_ && !closed_ && !attempt_ && reported_ == last_.seq) {
    serving_ = true;
    out_.begin_serving();
  }
}

void replica::report() {
  const auto through = last_staged_ <= applied_ ? committed_ : applied_;
  if (through <= reported_)
    return;
  reported_ = through;
  if (serving_)
    out_.committed(through);
}

// --- copies ---

/// Begins a copy once the tables here hold all that its receiver was not sent as rows.
void replica::copy_on(const node_id& who, peer& p) {
  if (!p.was_reset || !p.known.in_step || p.known.whole || p.part)
    return;
  if (marked_ >= p.base.seq) {
    send_part(who, p, 0);
  } else if (!applying_ && committed_ >= p.base.seq) {
    applying_ = true;
    writes_.push_back({write::kind::apply, std::min(committed_, durable_), std::nullopt, {}, false});
    out_.apply(std::min(committed_, durable_));
  }
}

void replica::send_part(const node_id& who, peer& p, std::uint64_t index) {
  p.part = index;
  p.part_sent = now_;
  auto part = out_.next_part(who, index);
  part.at = leading_;
  out_.send(who, std::move(part));
}

void replica::on(const node_id& from, const installed& m) {
  auto* p = known_peer(from, m.at);
  if (p == nullptr || p->part != m.index)
    return;
  if (!m.whole)
    return send_part(from, *p, m.index + 1);
  p->part.reset();
  p->known.whole = true;
  out_.end_copy(from);
  advance();
}

// --- members that join ---

bool replica::count_in(const node_id& who) {
  const auto it = peers_.find(who);
  if (it == peers_.end() || !it->second.known.in_step || !it->second.known.whole)
    return false;
  it->second.counted = true;
  return true;
}

bool replica::caught_up(const node_id& who) const {
  const auto it = peers_.find(who);
  return it != peers_.end() && it->second.known.in_step && it->second.known.whole &&
         it->second.known.acked >= committed_ && needed(who);
}

std::map<node_id, replica::follower> replica::followers() const {
  std::map<node_id, follower> out;
  for (const auto& [who, p] : peers_)
    out.emplace(who, p.known);
  return out;
}

} // namespace carillon::replication
