// When a node changes a shard's configuration. Wrong judgement costs availability, never a promise: what may
// be changed to what is the protocol's to say.
#include "actors/replica.hpp"

#include "actors/peers.hpp"
#include "config/logging.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;
using coordination::member_role;
using coordination::placement_step;

/// A peer without a link for so long is taken for dead. The link itself notices a silent peer after 2 s.
constexpr auto patience = peer_heartbeat + 200ms;
/// A node that is cut off, either way, notices its peers one after the other. It must not act on the first with the second
/// as its spare, and then have the only full copy of shards that nobody reaches: a node is no spare, though its link still
/// stands, when it was silent for so long, or what it is sent doesn't arrive.
constexpr std::chrono::milliseconds word_of_spare = 2 * peer_heartbeat;
/// A node that has just started hasn't had the time to see its peers.
constexpr auto first_patience = 4s;
/// Each further full member waits so much longer to take over, so that they don't get into each other's way.
constexpr auto patience_of_next = 500ms;
/// How old a read of the configuration may be to act on.
constexpr auto fresh = 1s;

} // namespace

std::chrono::milliseconds replica_state::time() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(domain::boot_clock::now().time_since_epoch());
}

bool replica_state::seems_dead(const replication::node_id& who) const {
  if (view->reachable.contains(who))
    return false;
  const auto last = seen.find(who);
  return last != seen.end() && time() - last->second >= patience;
}

/// Whether nothing will be judged otherwise for the sake of time alone.
bool replica_state::settled() const {
  if (core->busy() || leaving || leave_asked || !view)
    return false;
  const auto& now = core->current();
  const auto missing = [this](const auto& m) { return m.node != at.self && !view->reachable.contains(m.node); };
  const auto mine = [this](const placement_step& s) { return s.shard == at.shard; };
  return now.at != 0 && now.value.acknowledging() >= at.min_replicas &&
         std::none_of(now.value.members.begin(), now.value.members.end(), missing) &&
         (core->leading() == 0 || std::none_of(view->steps.begin(), view->steps.end(), mine));
}

void replica_state::judge() {
  if (!view || !core)
    return;
  const auto now = time();
  for (const auto& [who, link] : view->reachable)
    seen[who] = now;
  const auto& current = core->current();
  for (const auto& m : current.value.members)
    seen.try_emplace(m.node, now + first_patience);
  if (current.at != 0 && core->leading() == 0 && current.value.primary != at.self)
    left(true);
  if (core->reconfiguring())
    return;
  if (current.at == 0) {
    if (view->founder == at.self && view->nodes.contains(at.self))
      core->reconfigure({0, at.self, {{at.self, member_role::full}}});
  } else if (core->leading() != 0) {
    judge_as_primary();
  } else {
    judge_as_member();
  }
}

bool replica_state::may_fill(const replication::node_id& who) const {
  const auto link = view->reachable.find(who);
  return link != view->reachable.end() && view->usable(who) &&
         at.goes_both_ways(link->second.link, word_of_spare);
}

/// Puts live nodes beside it until enough acknowledge: those that are being filled already come first.
void replica_state::with_spare(coordination::shard_configuration& next) const {
  for (auto& m : next.members)
    if (next.acknowledging() < at.min_replicas && m.role == member_role::learner && may_fill(m.node))
      m.role = member_role::tailing;
  for (const auto& [who, registration] : view->nodes)
    if (next.acknowledging() < at.min_replicas && next.find(who) == nullptr && may_fill(who))
      next.members.push_back({who, member_role::tailing});
}

void replica_state::judge_as_member() {
  const auto& now = core->current().value;
  const auto* me = now.find(at.self);
  if (me == nullptr || me->role != member_role::full || !core->whole() || now.primary == at.self ||
      !seems_dead(now.primary))
    return;
  auto wait = patience;
  for (const auto& m : now.members) {
    if (m.node == at.self)
      break;
    if (m.role == member_role::full && m.node != now.primary)
      wait += patience_of_next;
  }
  if (time() - seen[now.primary] < wait)
    return;
  auto next = coordination::taken_over_by(now, at.self);
  if (!next)
    return;
  with_spare(*next);
  if (next->acknowledging() < at.min_replicas)
    return; // alone it may not serve; the primary may still come back
  // A promise keeps the primary from going on: not while the swap that it is for can't be done.
  if (time() - read_at > fresh) {
    if (time() - asked_at > fresh) {
      asked_at = time();
      read_configuration();
    }
    return;
  }
  config::log(config::log_level::warning, "taking over a shard",
              {{"shard", raw(at.shard)}, {"from", now.primary}, {"epoch", now.epoch + 1}});
  core->reconfigure(std::move(*next));
}

void replica_state::judge_as_primary() {
  const auto& now = core->current().value;
  const bool one_is_dead = std::any_of(now.members.begin(), now.members.end(), [this](const auto& m) {
    return m.node != at.self && seems_dead(m.node);
  });
  // Without a dead member nothing is committed: first that one goes.
  if (leaving && one_is_dead)
    give_up_handover();
  if (core->reconfiguring())
    return;
  if (leaving)
    return hand_over(leaving->to);
  // Fewer than needed, or one of them silent: another in its place, if there is one.
  auto next = now;
  for (const auto& m : now.members)
    if (m.node != at.self && seems_dead(m.node))
      if (auto without = coordination::without_member(next, m.node))
        next = std::move(*without);
  with_spare(next);
  if (next.members != now.members && next.acknowledging() >= at.min_replicas) {
    core->reconfigure(std::move(next));
    return;
  }
  for (const auto& [who, f] : core->followers()) {
    const auto* m = now.find(who);
    if (m == nullptr || m->role == member_role::full || !core->count_in(who) || !core->caught_up(who))
      continue;
    if (auto fuller = coordination::promoted(now, who, member_role::full)) {
      core->reconfigure(std::move(*fuller));
      return;
    }
  }
  if (node_leaves) {
    for (const auto& [who, f] : core->followers())
      if (now.find(who)->role == member_role::full && view->usable(who) && core->caught_up(who))
        return hand_over(who);
    const auto takes = [this](const auto& peer) { return view->usable(peer.first); };
    if (std::none_of(view->reachable.begin(), view->reachable.end(), takes))
      left(false);
    return;
  }
  const auto step = std::find_if(view->steps.begin(), view->steps.end(),
                                 [this](const placement_step& s) { return s.shard == at.shard; });
  if (step == view->steps.end() || view->of(at.shard) == nullptr || view->of(at.shard)->at != core->current().at)
    return;
  if (step->what == placement_step::kind::hand_over)
    return core->serving() && core->caught_up(step->node) ? hand_over(step->node) : void();
  auto moved = step->what == placement_step::kind::add_learner ? coordination::with_learner(now, step->node)
                                                               : coordination::without_member(now, step->node);
  if (moved && moved->acknowledging() >= std::min(at.min_replicas, now.acknowledging()))
    core->reconfigure(std::move(*moved));
}

/// First its accounts decide nothing more and all that they decided is committed, then nothing may be proposed,
/// then the other leads. What is in flight goes on here.
void replica_state::hand_over(const replication::node_id& to) {
  if (!leaving) {
    leaving = handover{to, false, time()};
    if (!core->serving()) {
      leaving->closed = true;
      core->stop_proposing();
    } else {
      caf::anon_send(front, close_atom_v, std::int64_t{leaving->since.count()});
    }
  }
  if (!leaving->closed || core->reconfiguring())
    return;
  if (auto next = coordination::handed_to(core->current().value, leaving->to))
    if (core->reconfigure(std::move(*next)))
      return;
  if (time() - leaving->since > close_patience)
    hand_over_failed();
}

void replica_state::accounts_closed(std::int64_t began, bool all) {
  if (!leaving || leaving->since.count() != began)
    return;
  if (!all)
    return hand_over_failed();
  leaving->closed = true;
  core->stop_proposing();
  judge();
  settle();
}

void replica_state::hand_over_failed() {
  give_up_handover();
  left(false);
}

/// Answers who asked this node to hand the shard over.
void replica_state::left(bool orderly) {
  if (std::exchange(leave_asked, false))
    caf::anon_send(front, left_atom_v, orderly);
}

/// The shard stays; a node that leaves tries again.
void replica_state::give_up_handover() {
  if (!leaving)
    return;
  config::log(config::log_level::info, "a shard is not handed over now",
              {{"shard", raw(at.shard)}, {"to", leaving->to}});
  const bool stopped = leaving->closed;
  leaving.reset();
  if (stopped)
    core->reconfigure(core->current().value); // under a new epoch it may propose again
  caf::anon_send(at.directory, open_atom_v, at.shard);
}

void replica_state::leave() {
  node_leaves = leave_asked = true;
  if (core->leading() == 0)
    return left(true);
  judge();
  settle();
}

} // namespace carillon::actors
