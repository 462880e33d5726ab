// A node's machine: its disk, its lives, its clients, and the ports of its replica.
#include "simulated_cluster.hpp"

#include <algorithm>
#include <utility>

namespace carillon::sim {

using replication::message;

simulated_node::simulated_node(simulated_cluster& world, int index)
    : id{"n" + std::to_string(index)}, world_{world}, index_{index} {}

// --- lives ---

void simulated_node::start() {
  up = true;
  paused = false;
  ++life;
  ahead = disk;
  flushing_ = false;
  auto found = disk.found();
  if (world_.bug_ == planted_bug::forgets_promises && life > 1)
    found.promised = ahead.promised = {};
  core = std::make_unique<replication::replica>(id, found, world_.settings_, *this);
  seen_committed_ = disk.applied;
  seen_whole_ = disk.whole;
  heard_.clear();
  for (const auto& other : world_.nodes_)
    heard_[other->id] = world_.now_;
  if (world_.tracing())
    world_.say(id, "starts, last row (" + std::to_string(found.last.at) + "," + std::to_string(found.last.seq) +
                       "), applied " + std::to_string(found.applied) + (found.whole ? "" : ", incomplete"));
  world_.history_.check(id, disk);
  read_for_policy();
  tick();
}

void simulated_node::crash() {
  if (world_.tracing())
    world_.say(id, "crashes, " + std::to_string(writes_.size()) + " writes are lost");
  world_.seen_.lost_writes += writes_.size();
  up = paused = false;
  ++life;
  crashed_at = world_.now_;
  core.reset();
  writes_.clear();
  deferred_.clear();
  copies_.clear();
  proposed_.clear();
  unclaimed_.clear();
  ignored_.clear();
  handing_to_.reset();
  serving_ = absent_ = false;
}

void simulated_node::pause() {
  world_.say(id, "is paused");
  paused = true;
}

void simulated_node::resume() {
  world_.say(id, "goes on");
  paused = false;
  const auto now = life;
  auto late = std::exchange(deferred_, {});
  for (auto& each : late)
    happen(now, std::move(each));
}

void simulated_node::wipe() {
  ++world_.seen_.wipes;
  disk = {};
  id = "n" + std::to_string(index_) + "-" + std::to_string(++wiped_);
  world_.say(id, "has an empty disk");
}

void simulated_node::happen(int when, std::function<void()> what) {
  if (!up || when != life)
    return;
  if (paused) {
    deferred_.push_back(std::move(what));
    return;
  }
  what();
  if (up && when == life)
    observe();
}

/// What the replica holds to be committed must be what everybody else does.
void simulated_node::observe() {
  const auto through = core->committed();
  if (!ahead.whole) {
    seen_whole_ = false;
    return;
  }
  auto from = std::exchange(seen_whole_, true) ? seen_committed_ + 1 : 1;
  for (auto at = ahead.log.lower_bound(from); at != ahead.log.end() && at->first <= through; ++at) {
    const auto known = world_.proposed_.find({at->second.id.at, at->first});
    if (known == world_.proposed_.end() || known->second.row != at->second.row)
      throw violation{id + " has a row that nobody proposed: " + at->second.row};
    world_.history_.committed(id, known->second);
  }
  if (through > world_.history_.length())
    throw violation{id + " holds row " + std::to_string(through) + " to be committed, and doesn't have it"};
  seen_committed_ = through;
}

// --- disk ---

void simulated_node::write(std::function<void(disk_image&)> what) {
  what(ahead);
  writes_.push_back(std::move(what));
  if (!flushing_)
    flush();
}

void simulated_node::flush() {
  flushing_ = true;
  const auto delay = world_.random_.between(100, 2'000) * (world_.now_ < slow_disk_until ? 100 : 1);
  world_.after(delay, [this, when = life] {
    if (!up || when != life)
      return;
    // A commit takes some of the writes, in their order.
    const auto count = world_.random_.between(1, writes_.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      writes_.front()(disk);
      writes_.pop_front();
      happen(when, [this] { core->stored(); });
      if (!up || when != life)
        return;
    }
    world_.history_.check_tables(id, disk);
    flushing_ = false;
    if (!writes_.empty())
      flush();
  });
}

void simulated_node::erase_old_rows() {
  const auto before = disk.applied > 0 ? world_.random_.between(1, disk.applied) : 0;
  disk.erase_before(before);
  if (ahead.applied >= before)
    ahead.erase_before(before);
}

void simulated_node::save(const replication::promise& what) {
  if (what.at <= ahead.promised.at)
    throw violation{id + " promises epoch " + std::to_string(what.at) + " to " + what.candidate + " after " +
                    std::to_string(ahead.promised.at)};
  if (world_.tracing())
    world_.say(id, "promises " + std::to_string(what.at) + " to " + what.candidate);
  write([what](disk_image& d) { d.promised = what; });
}

void simulated_node::put(std::uint64_t after, std::vector<log_entry> rows) {
  if (after < core->committed())
    throw violation{id + " erases a committed row behind " + std::to_string(after)};
  if (world_.tracing())
    world_.say(id, "writes rows " + std::to_string(after + 1) + " to " + std::to_string(rows.back().id.seq) +
                       (after < ahead.last().seq ? ", in place of others" : ""));
  if (after < ahead.last().seq)
    ++world_.seen_.replaced_rows;
  const bool apply = world_.bug_ == planted_bug::applies_uncommitted;
  write([after, rows = std::move(rows), apply](disk_image& d) {
    d.put(after, rows);
    if (apply)
      for (const auto& row : rows)
        d.tables.apply(row.staged);
  });
}

void simulated_node::apply(std::uint64_t through) {
  write([through](disk_image& d) { d.apply(through); });
}

void simulated_node::reset(const row_id& base, replication::epoch at) {
  const auto* me = world_.stored_.value.find(id);
  if (me != nullptr && me->role == coordination::member_role::full && at >= world_.stored_.value.epoch)
    throw violation{id + " is a full member and erases its log"};
  if (world_.tracing())
    world_.say(id, "is reset to row (" + std::to_string(base.at) + "," + std::to_string(base.seq) + ")");
  ++world_.seen_.resets;
  write([base, at](disk_image& d) { d.reset(base, at); });
}

void simulated_node::install(const replication::snapshot_part& part) {
  if (world_.tracing())
    world_.say(id, "installs part " + std::to_string(part.index) + (part.last ? ", the last" : ""));
  if (part.last)
    ++world_.seen_.copies;
  write([part](disk_image& d) { d.install(part); });
}

std::optional<replication::epoch> simulated_node::epoch_of(std::uint64_t seq) const {
  const auto at = disk.log.find(seq);
  return at == disk.log.end() ? std::nullopt : std::optional{at->second.id.at};
}

std::vector<log_entry> simulated_node::rows(std::uint64_t from, std::size_t) const {
  constexpr std::size_t most = 4;
  std::vector<log_entry> out;
  for (auto at = disk.log.find(from); at != disk.log.end() && out.size() < most; ++at) {
    if (at->first != from + out.size())
      break;
    out.push_back(at->second);
    if (world_.bug_ == planted_bug::loses_staged_writes)
      out.back().staged.clear();
  }
  return out;
}

replication::snapshot_part simulated_node::next_part(const node_id& to, std::uint64_t index) {
  auto& parts = copies_[to];
  if (index == 0)
    parts = disk.copy(world_.random_.between(3, 40));
  return parts.at(index);
}

void simulated_node::end_copy(const node_id& to) {
  copies_.erase(to);
}

// --- configuration ---

void simulated_node::swap(const shard_configuration& next, revision expected) {
  if (world_.tracing())
    world_.say(id, "swaps revision " + std::to_string(expected) + " for " + coordination::encode(next));
  const auto when = life;
  const bool arrives = world_.now_ >= cut_from_store_until && !world_.random_.per_mille(world_.loss_);
  // One in ten takes longer than the client waits.
  const auto there = world_.random_.per_mille(world_.calm_ ? 0 : 100) ? world_.random_.between(1, 900_ms)
                                                                      : world_.random_.between(300, 3_ms);
  if (arrives)
    world_.after(there, [this, next, expected] { world_.swap_arrives(next, expected); });
  const bool answered = arrives && there < 300_ms && !world_.random_.per_mille(world_.loss_);
  world_.after(answered ? there + 1_ms : 300_ms, [this, when] { happen(when, [this] { core->swapped(); }); });
}

void simulated_node::read_configuration() {
  const auto when = life;
  const auto there = world_.random_.between(300, 3_ms);
  world_.after(there, [this, when] {
    const bool answered = world_.now_ >= cut_from_store_until && world_.now_ >= world_.store_down_until_ &&
                          !world_.random_.per_mille(world_.loss_);
    const auto what = world_.stored_;
    if (answered)
      world_.after(world_.random_.between(300, 3_ms),
                   [this, when, what] { happen(when, [this, what] { core->configured(what); }); });
    else
      world_.after(300_ms, [this, when] { happen(when, [this] { core->not_configured(); }); });
  });
}

void simulated_node::read_for_policy() {
  const auto when = life;
  world_.after(world_.random_.between(300, 3_ms), [this, when] {
    if (world_.now_ < cut_from_store_until || world_.now_ < world_.store_down_until_)
      return;
    const auto what = world_.stored_;
    world_.after(world_.random_.between(300, 3_ms), [this, when, what] {
      happen(when, [this, what] {
        absent_ = what.at == 0;
        core->configured(what);
      });
    });
  });
}

// --- network ---

void simulated_node::send(const node_id& to, message what) {
  if (const auto* rows = std::get_if<replication::append>(&what);
      rows != nullptr && !rows->rows.empty() && world_.bug_ == planted_bug::acknowledges_before_durable) {
    const replication::appended early{rows->at, rows->rows.back().id.seq};
    world_.after(1, [this, when = life, to, early] { happen(when, [this, to, early] { core->received(to, early); }); });
  }
  if (auto* s = std::get_if<replication::standing>(&what);
      s != nullptr && world_.bug_ == planted_bug::believes_copies_whole && s->parts > 0)
    s->whole = true;
  if (auto* i = std::get_if<replication::installed>(&what);
      i != nullptr && world_.bug_ == planted_bug::believes_copies_whole)
    i->whole = true;
  if (const auto* a = std::get_if<replication::appended>(&what); a != nullptr && !ignored_.empty()) {
    for (const auto& [who, as] : ignored_)
      if (who != to)
        world_.transmit(id, who, replication::appended{as.second, a->last});
  }
  world_.transmit(id, to, std::move(what));
}

// --- clients ---

void simulated_node::begin_serving() {
  serving_ = true;
  handing_to_.reset();
  if (world_.tracing())
    world_.say(id, "serves in epoch " + std::to_string(core->leading()) + " from row " +
                       std::to_string(core->next_seq()));
  if (core->committed() != core->next_seq() - 1 || core->committed() != ahead.last().seq)
    throw violation{id + " serves before all of its log is committed"};
  observe();
  // One that was overtaken meanwhile may have less: it can commit nothing.
  if (core->leading() == world_.stored_.value.epoch)
    world_.history_.check_complete(id, ahead);
  // An event whose claim is in the log was claimed by an earlier life: it is never posted again.
  unclaimed_.clear();
  for (const auto& [key, value] : ahead.tables.rows)
    if (key.front() == 'e' && !ahead.tables.rows.contains("c" + key.substr(1)))
      unclaimed_.insert(std::stoull(key.substr(1)));
}

void simulated_node::end_serving() {
  if (world_.tracing())
    world_.say(id, "serves no more");
  serving_ = false;
  handing_to_.reset();
  proposed_.clear();
  unclaimed_.clear();
}

void simulated_node::propose() {
  auto& random = world_.random_;
  log_entry row;
  row.id = {core->leading(), core->next_seq()};
  proposal what;
  const auto number = world_.next_number_++;
  row.row = "row " + std::to_string(number) + " by " + id + "/" + std::to_string(life);
  const auto kind = random.below(4);
  if (kind <= 1) {
    what.event = number;
    row.staged = "e" + std::to_string(number) + "=" + id + ";";
  }
  if (kind == 1) {
    what.claim = number;
  } else if (kind == 2 && !unclaimed_.empty()) {
    what.claim = *std::next(unclaimed_.begin(), static_cast<std::ptrdiff_t>(random.below(unclaimed_.size())));
    unclaimed_.erase(*what.claim);
  }
  if (what.claim)
    row.staged += "c" + std::to_string(*what.claim) + "=" + id + ";";
  world_.proposed_[{row.id.at, row.id.seq}] = row;
  proposed_[row.id.seq] = what;
  core->propose(std::move(row));
}

void simulated_node::outrun(const node_id& by, std::uint64_t row) {
  throw violation{id + " leads without row " + std::to_string(row) + ", which " + by + " has"};
}

void simulated_node::committed(std::uint64_t through) {
  observe();
  while (!proposed_.empty() && proposed_.begin()->first <= through) {
    const auto [seq, what] = *proposed_.begin();
    proposed_.erase(proposed_.begin());
    world_.history_.acknowledged(seq);
    if (what.claim && world_.stored_.value.primary != id)
      ++world_.seen_.posts_by_deposed;
    if (what.claim)
      world_.history_.posted(id + "/" + std::to_string(life), *what.claim);
    else if (what.event)
      unclaimed_.insert(*what.event);
  }
  if (world_.tracing())
    world_.say(id, "is told that rows up to " + std::to_string(through) + " are committed");
  world_.check_members();
}

} // namespace carillon::sim
