#include "simulated_cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace carillon::sim {

using coordination::member_role;
using replication::message;

namespace {

/// How long things go wrong, and how long everything may take to be well again.
constexpr micros faults_for = 8'000_ms;
constexpr micros settles_within = 60'000_ms;
/// A request that was sent before a crash has arrived after this time.
constexpr micros all_arrived = 1'500_ms;

std::string text(const row_id& id) {
  return "(" + std::to_string(id.at) + "," + std::to_string(id.seq) + ")";
}

struct describe {
  std::string operator()(const replication::lead& m) const { return "lead " + std::to_string(m.at); }
  std::string operator()(const replication::standing& m) const {
    return "standing " + std::to_string(m.at) + ": last " + text(m.last) + " applied " +
           std::to_string(m.applied) + (m.whole ? " whole" : "") + " base " + text(m.base) + " copy " +
           std::to_string(m.copy) + " parts " + std::to_string(m.parts);
  }
  std::string operator()(const replication::refused& m) const {
    return "refused, promised " + std::to_string(m.promised);
  }
  std::string operator()(const replication::append& m) const {
    auto out = "append " + std::to_string(m.at) + ": after " + text(m.previous) + " committed " +
               std::to_string(m.committed);
    for (const auto& row : m.rows)
      out += " " + text(row.id);
    return out;
  }
  std::string operator()(const replication::appended& m) const {
    return "appended " + std::to_string(m.at) + " up to " + std::to_string(m.last);
  }
  std::string operator()(const replication::reset& m) const {
    return "reset " + std::to_string(m.at) + " to " + text(m.base);
  }
  std::string operator()(const replication::snapshot_part& m) const {
    return "part " + std::to_string(m.at) + ": " + std::to_string(m.copy) + "." + std::to_string(m.index) +
           " through " + text(m.through) + (m.last ? " last" : "");
  }
  std::string operator()(const replication::installed& m) const {
    return "installed " + std::to_string(m.at) + ": " + std::to_string(m.copy) + "." + std::to_string(m.index) +
           (m.whole ? " whole" : "");
  }
};

/// The epoch that a message from a primary speaks in; nothing for others.
replication::epoch* leading_epoch(message& what) {
  if (auto* m = std::get_if<replication::append>(&what))
    return &m->at;
  return nullptr;
}

} // namespace

const char* to_string(planted_bug bug) {
  constexpr const char* names[planted_bugs] = {
      "none",          "acknowledges_before_durable", "ignores_epochs",     "forgets_promises", "applies_uncommitted",
      "swaps_blindly", "believes_copies_whole",       "loses_staged_writes"};
  return names[static_cast<int>(bug)];
}

namespace {

constexpr std::pair<const char*, std::uint64_t coverage::*> counters[] = {
    {"takeover", &coverage::takeovers},
    {"handover", &coverage::handovers},
    {"renewal", &coverage::renewals},
    {"promotion to full", &coverage::filled},
    {"row in place of another", &coverage::replaced_rows},
    {"reset", &coverage::resets},
    {"whole copy", &coverage::copies},
    {"empty disk", &coverage::wipes},
    {"write lost by a crash", &coverage::lost_writes},
    {"POST by a primary that another had followed", &coverage::posts_by_deposed},
};

} // namespace

void coverage::add(const coverage& other) {
  for (const auto& [name, counter] : counters)
    this->*counter += other.*counter;
}

const char* coverage::missing() const {
  for (const auto& [name, counter] : counters)
    if (this->*counter == 0)
      return name;
  return nullptr;
}

simulated_cluster::simulated_cluster(std::uint64_t seed, planted_bug bug, bool trace)
    : random_{seed}, bug_{bug}, trace_{trace} {
  const auto count = random_.between(3, random_.per_mille(300) ? 5 : 3);
  wanted_ = random_.between(2, 3);
  settings_.min_replicas = random_.per_mille(200) ? 1 : 2;
  settings_.resend_after = std::chrono::milliseconds{random_.between(50, 300)};
  duplication_ = random_.below(2) * random_.below(60);
  lateness_ = random_.below(2) * random_.below(60);
  for (std::uint64_t i = 0; i < count; ++i)
    nodes_.push_back(std::make_unique<simulated_node>(*this, static_cast<int>(i)));
}

// --- time ---

void simulated_cluster::after(micros delay, std::function<void()> what) {
  events_.push({now_ + delay, order_++, std::move(what)});
}

void simulated_cluster::run_until(const std::function<bool()>& done, micros deadline) {
  while (!events_.empty() && events_.top().at <= deadline) {
    auto next = std::move(const_cast<event&>(events_.top()));
    events_.pop();
    now_ = next.at;
    ++events_run_;
    next.what();
    if (done())
      return;
  }
  now_ = deadline;
}

void simulated_cluster::say(const std::string& who, const std::string& what) {
  if (trace_)
    std::printf("%9.3f ms  %-6s %s\n", static_cast<double>(now_) / 1000, who.c_str(), what.c_str());
}

void simulated_cluster::run() {
  for (auto& node : nodes_)
    node->start();
  after(random_.between(100_ms, 400_ms), [this] { next_fault(); });
  run_until([] { return false; }, faults_for);
  heal();
  // Whoever was told something late may still act on it.
  run_until([] { return false; }, now_ + 1'000_ms);
  clients_ = false;
  micros looked = now_;
  bool well = false;
  run_until(
      [&] {
        if (now_ - looked < 100_ms)
          return false;
        looked = now_;
        return well = settled();
      },
      now_ + settles_within);
  if (!well)
    throw violation{"all is up and connected, and the shard isn't well: " + coordination::encode(stored_.value)};
  for (auto& node : nodes_)
    if (stored_.value.find(node->id) != nullptr)
      history_.check_complete(node->id, node->disk);
}

// --- network ---

bool simulated_cluster::cut(const node_id& from, const node_id& to) const {
  const auto known = cuts_.find({from, to});
  return known != cuts_.end() && known->second > now_;
}

void simulated_cluster::transmit(const node_id& from, const node_id& to, std::optional<message> what) {
  const auto copies = random_.per_mille(duplication_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (cut(from, to) || random_.per_mille(loss_))
      continue;
    auto delay = random_.between(100, 3_ms);
    if (random_.per_mille(lateness_))
      delay = random_.between(3_ms, 2'500_ms);
    after(delay, [this, from, to, what] { deliver(from, to, what); });
  }
}

void simulated_cluster::deliver(const node_id& from, const node_id& to, const std::optional<message>& what) {
  auto* node = find(to);
  if (node == nullptr || !node->up)
    return;
  node->happen(node->life, [this, node, from, what] {
    node->heard_[from] = now_;
    if (!what)
      return;
    if (trace_)
      say(node->id, "<- " + from + "  " + std::visit(describe{}, *what));
    auto arrived = *what;
    auto sender = from;
    if (auto* at = leading_epoch(arrived); at != nullptr && bug_ == planted_bug::ignores_epochs) {
      const auto& promised = node->ahead.promised;
      if (promised.candidate != node->id && promised.at > *at) {
        node->ignored_[from] = {from, *at};
        *at = promised.at;
        sender = promised.candidate;
      }
    }
    node->core->received(sender, std::move(arrived));
  });
}

simulated_node* simulated_cluster::find(const node_id& who) {
  const auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->id == who; });
  return at == nodes_.end() ? nullptr : at->get();
}

// --- the store of the configuration ---

void simulated_cluster::swap_arrives(const shard_configuration& next, revision expected) {
  if (now_ < store_down_until_)
    return;
  if (bug_ == planted_bug::swaps_blindly && next.epoch > stored_.value.epoch)
    expected = stored_.at;
  if (expected != stored_.at)
    return;
  if (next.epoch <= stored_.value.epoch)
    throw violation{"the configuration's epoch goes back: " + coordination::encode(next)};
  if (stored_.at != 0) {
    const auto& before = stored_.value;
    ++(next.primary == before.primary                ? seen_.renewals
       : next.find(before.primary) == nullptr ? seen_.takeovers
                                                     : seen_.handovers);
    for (const auto& m : next.members)
      if (const auto* old = before.find(m.node); old != nullptr && old->role != m.role && m.role == member_role::full)
        ++seen_.filled;
  }
  stored_ = {next, ++revisions_};
  if (trace_)
    say("store", "revision " + std::to_string(revisions_) + ": " + coordination::encode(next));
  check_members();
  tell_change();
}

void simulated_cluster::tell_change() {
  for (auto& node : nodes_)
    if (node->up && now_ >= node->cut_from_store_until && !random_.per_mille(calm_ ? 0 : 200))
      after(random_.between(300, random_.per_mille(100) ? 800_ms : 3_ms),
            [what = stored_, to = node.get(), when = node->life] {
              to->happen(when, [to, what] { to->core->configured(what); });
            });
}

/// Every full member has on its disk what was ever acknowledged.
void simulated_cluster::check_members() {
  for (const auto& m : stored_.value.members)
    if (const auto* node = find(m.node); node != nullptr && m.role == member_role::full)
      history_.check_complete(m.node, node->disk);
}

// --- what goes wrong ---

void simulated_cluster::next_fault() {
  if (calm_)
    return;
  after(random_.between(50_ms, 500_ms), [this] { next_fault(); });
  auto& node = *random_.one_of(nodes_);
  auto& other = *random_.one_of(nodes_);
  switch (random_.below(12)) {
  case 0:
  case 1:
    if (node.up) {
      node.crash();
      after(random_.between(10_ms, 2'500_ms), [&node] {
        if (!node.up)
          node.start();
      });
    }
    break;
  case 2:
    // All at once, as when the power fails.
    if (random_.per_mille(300))
      for (auto& each : nodes_)
        if (each->up) {
          each->crash();
          after(random_.between(10_ms, 1'000_ms), [each = each.get()] {
            if (!each->up)
              each->start();
          });
        }
    break;
  case 3:
  case 4:
    if (node.up && !node.paused) {
      node.pause();
      after(random_.between(50_ms, 2'500_ms), [&node, when = node.life] {
        if (node.up && node.paused && node.life == when)
          node.resume();
      });
    }
    break;
  case 5:
  case 6:
    cuts_[{node.id, other.id}] = now_ + random_.between(50_ms, 3'000_ms);
    say(node.id, "can't send to " + other.id);
    break;
  case 7:
    for (auto& each : nodes_) {
      cuts_[{node.id, each->id}] = now_ + random_.between(50_ms, 2'500_ms);
      cuts_[{each->id, node.id}] = now_ + random_.between(50_ms, 2'500_ms);
    }
    say(node.id, "is cut off");
    break;
  case 8:
    loss_ = random_.per_mille(500) ? random_.below(200) : 0;
    break;
  case 9:
    if (random_.per_mille(500))
      store_down_until_ = now_ + random_.between(50_ms, 2'000_ms);
    else
      node.cut_from_store_until = now_ + random_.between(50_ms, 2'500_ms);
    break;
  case 10:
    node.slow_disk_until = now_ + random_.between(50_ms, 1'000_ms);
    node.erase_old_rows();
    break;
  case 11: {
    // An empty disk costs nothing only while another full member is there; and what the node itself asked for
    // before must have come to an end.
    const auto& now = stored_.value;
    const bool spare = now.find(node.id) == nullptr || now.find(node.id)->role != member_role::full ||
                       now.count(member_role::full) > 1;
    if (stored_.at != 0 && !node.up && now_ - node.crashed_at > all_arrived && spare && now.primary != node.id &&
        find(now.primary) != nullptr)
      node.wipe();
    break;
  }
  default:
    break;
  }
}

void simulated_cluster::heal() {
  say("world", "no more faults");
  calm_ = true;
  loss_ = duplication_ = lateness_ = 0;
  cuts_.clear();
  store_down_until_ = 0;
  for (auto& node : nodes_) {
    node->cut_from_store_until = node->slow_disk_until = 0;
    if (!node->up)
      node->start();
    else if (node->paused)
      node->resume();
  }
}

/// A replica serves; all wanted members are full, have the same log and tables, and are known not to be behind.
bool simulated_cluster::settled() {
  auto* primary = find(stored_.value.primary);
  const auto& now = stored_.value;
  if (primary == nullptr || !primary->serving_ || primary->core->leading() != now.epoch || primary->handing_to_ ||
      now.count(member_role::full) < std::min(wanted_, nodes_.size()) ||
      now.count(member_role::full) != now.members.size())
    return false;
  for (const auto& node : nodes_)
    if (node->core->reconfiguring())
      return false;
  bool same = true;
  for (const auto& m : now.members) {
    const auto* node = find(m.node);
    if (node == nullptr)
      return false;
    same = same && node->disk.whole && node->disk.last() == primary->disk.last() &&
           node->core->committed() == primary->disk.last().seq && node->core->applied() == node->core->committed() &&
           primary->core->lag_of(m.node) == replication::replica::lag{};
  }
  if (same && history_.acknowledged_up_to() == primary->disk.last().seq) {
    for (const auto& m : now.members)
      history_.check(m.node, find(m.node)->disk);
    return true;
  }
  // What an earlier primary wrote behind its last committed row goes with the next row.
  primary->happen(primary->life, [primary] {
    if (primary->core->committed() + 1 == primary->core->next_seq())
      primary->propose();
  });
  return false;
}

} // namespace carillon::sim
