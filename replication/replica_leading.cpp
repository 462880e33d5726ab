// A replica as primary: it brings the members to its own log, ships rows, counts who has them, and copies the
// shard to nodes whose log doesn't meet its own.
#include "replication/replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace carillon::replication {

using coordination::member_role;

void replica::become_leader(epoch at) {
  if (leading_ == 0) {
    inherited_ = last_.seq;
    ages_ = {};
    ages_.forget(durable_);
  }
  leading_ = at;
  const bool closed = std::exchange(closed_, false);
  if (serving_ && (closed || current_.value.acknowledging() < settings_.min_replicas)) {
    serving_ = false;
    out_.end_serving();
  }
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
    } else {
      p.met = now_;
    }
    p.known.heard = now_;
    say_lead(m.node, p);
  }
  for (const auto& [gone, p] : before)
    out_.end_copy(gone);
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
  if (!p.known.in_step || p.waiting || silent(p)) {
    p.waiting = false;
    out_.send(who, lead{leading_});
  } else {
    say_committed(who, p);
  }
}

bool replica::silent(const peer& p) const {
  return now_ - p.known.heard >= silent_resends * settings_.resend_after;
}

void replica::say_committed(const node_id& who, peer& p) {
  p.told_committed = committed_;
  p.sent = now_;
  // A member that restarted learns by the row before that its log still equals this one.
  out_.send(who, append{leading_, p.waiting ? row_id{} : p.before, committed_, {}});
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
  if (p.known.whole && !m.whole)
    return; // late: only a reset makes a copy incomplete, and that is behind it
  if (const auto had = std::max(m.applied, m.shipped); had > last_.seq)
    return out_.outrun(who, had); // never in step with it, this node never serves
  p.waiting = false;
  if (!p.part)
    p.copy = std::max(p.copy, m.copy); // this leader's copies are told from those that it counted before
  if (p.known.filling && (m.base != p.base || (!m.whole && !holds(m.last)))) {
    // From before its reset, or that is lost.
    p.known.in_step = false;
    p.sent = now_;
    out_.send(who, reset{leading_, p.base});
    return;
  }
  if (!m.whole && !p.known.filling)
    return start_over(who, p);
  if (holds(m.last))
    p.before = m.last;
  else if (const auto* role = current_.value.find(who); role != nullptr && role->role == member_role::full)
    p.before = id_of(std::max(m.applied, committed_)); // it has that; behind it lies what was never acknowledged
  else if (m.applied <= last_.seq)
    p.before = id_of(m.applied);
  else
    return start_over(who, p);
  if (p.before.seq < p.known.acked)
    p.before = id_of(p.known.acked); // late: it had more before it said so
  if (p.before.at == 0 && p.before.seq != 0) {
    // Past retention here, so its epoch isn't known; up to there both logs are the same.
    if (m.last.seq != p.before.seq)
      return start_over(who, p);
    p.before = m.last;
  }
  p.next = p.before.seq + 1;
  if (p.next <= durable_ && !out_.epoch_of(p.next))
    return start_over(who, p); // what it lacks is past retention here
  p.known.in_step = true;
  p.known.acked = std::max(p.known.acked, std::min(p.before.seq, durable_));
  if (m.whole)
    copied(who, p);
  else if (p.part && m.copy == p.copy && m.parts >= *p.part)
    send_part(who, p, m.parts);
  else if (m.copy != p.copy) {
    // It has lost count, or counts an earlier leader's parts: from the first part on.
    p.part.reset();
    p.copy = std::max(p.copy, m.copy);
  }
  copy_on(who, p);
  ship(who, p);
  advance();
}

row_id replica::id_of(std::uint64_t seq) const {
  return seq == last_.seq ? last_ : row_id{out_.epoch_of(seq).value_or(0), seq};
}

void replica::start_over(const node_id& who, peer& p) {
  if (p.part)
    out_.end_copy(who);
  p.part.reset();
  p.known.filling = true;
  p.base = p.before = last_;
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
  append m{leading_, p.before, committed_, out_.rows(p.next, append_bytes)};
  if (m.rows.empty())
    return start_over(who, p); // past retention, while it took its time
  while (m.rows.back().id.seq > durable_)
    m.rows.pop_back();
  p.before = m.rows.back().id;
  p.next = p.before.seq + 1;
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
    if (!p->known.filling || m.last < p->base.seq)
      return;
    p->known.in_step = true; // it has done its reset
    p->before = p->base;
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
  if (leading_ == 0 || leading_ != current_.value.epoch)
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
  if (!serving_ && !closed_ && reported_ == last_.seq &&
      current_.value.acknowledging() >= settings_.min_replicas) {
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
  if (!p.known.filling || !p.known.in_step || p.known.whole || p.part)
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
  if (index == 0)
    ++p.copy;
  p.part = index;
  p.part_sent = now_;
  auto part = out_.next_part(who, index);
  part.at = leading_;
  part.copy = p.copy;
  out_.send(who, std::move(part));
}

void replica::on(const node_id& from, const installed& m) {
  auto* p = known_peer(from, m.at);
  if (p == nullptr || p->copy != m.copy || p->part != m.index)
    return;
  if (!m.whole)
    return send_part(from, *p, m.index + 1);
  copied(from, *p);
  advance();
}

void replica::copied(const node_id& who, peer& p) {
  p.known.whole = true;
  p.known.filling = false;
  if (std::exchange(p.part, std::nullopt))
    out_.end_copy(who);
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
         it->second.known.acked >= std::max(committed_, inherited_) && needed(who);
}

std::map<node_id, replica::follower> replica::followers() const {
  std::map<node_id, follower> out;
  for (const auto& [who, p] : peers_)
    out.emplace(who, p.known);
  return out;
}

// --- how far members are behind ---

std::optional<replica::lag> replica::lag_of(const node_id& who) const {
  if (leading_ == 0)
    return std::nullopt;
  if (who == self_)
    return lag{};
  const auto it = peers_.find(who);
  if (it == peers_.end() || !it->second.known.in_step)
    return std::nullopt;
  const auto acked = it->second.known.acked;
  if (acked >= durable_)
    return lag{};
  const auto met = it->second.met;
  return lag{durable_ - acked, now_ - std::max(met, ages_.since(acked + 1).value_or(met))};
}

void replica::forget_ages() {
  auto to = durable_;
  for (const auto& [who, p] : peers_)
    to = std::min(to, p.known.acked);
  ages_.forget(to);
}

} // namespace carillon::replication
