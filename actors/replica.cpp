#include "actors/replica.hpp"

#include "actors/peer_message.hpp"
#include "actors/replica_seat.hpp"
#include "actors/shard.hpp"
#include "config/fault_points.hpp"
#include "config/logging.hpp"
#include "replication/message_codec.hpp"
#include "storage/log_row_codec.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;

/// Between two looks at what is due while something is under way: how late a committed row may be told to a member that
/// waits for nothing.
constexpr auto look_interval = 100ms;
/// A write that the store had no room for is tried again after this time.
constexpr auto full_retry = 500ms;

/// Bytes of rows that are kept at hand for members; what is older is read back.
constexpr std::size_t recent_limit = std::size_t{4} << 20;

storage::row_place place_of(const replication::row_id& id) { return {id.at, id.seq}; }
replication::row_id id_of(const storage::row_place& place) { return {place.epoch, place.seq}; }

} // namespace

replica_state::replica_state(services_ptr services, replica_neighbours around, std::weak_ptr<replica_seat> own)
    : seat{std::move(own)}, node{std::move(services)}, at{std::move(around)} {
  const auto found = storage::read_replica(node->store, at.shard);
  progress = found.progress;
  disk_last = found.last.seq;
  replication::stored_state state;
  state.promised = {found.promise.epoch, found.promise.candidate};
  state.last = id_of(found.last);
  state.base = id_of(found.progress.base);
  state.applied = found.progress.applied;
  state.reset_in = found.progress.reset_in;
  state.whole = found.progress.whole;
  state.last_staged = found.last_staged;
  replication::replica_settings settings;
  settings.min_replicas = at.min_replicas;
  core.emplace(at.self, state, settings, *this);
}

void replica_state::end() {
  caf::anon_send_exit(std::exchange(shard, nullptr), caf::exit_reason::kill);
  front = nullptr;
}

// --- rows of this node's accounts ---

void replica_state::take_row(proposed_row proposed) {
  wake_up();
  auto& row = proposed.what;
  storage::row_result result;
  result.shard = row.shard;
  result.seq = row.seq;
  result.batches.resize(row.batches.size());
  const auto refuse = [&](const char* why) {
    for (auto& b : result.batches)
      if (b.error.empty())
        b.error = why;
    proposed.done(result);
  };
  if (!core->serving() || (leaving && leaving->closed))
    return refuse(storage::commit_error::not_serving);
  if (row.seq != core->next_seq())
    return refuse(storage::commit_error::seq_taken);
  storage::refuse_unfit(row, result);
  replication::log_entry entry;
  entry.id = {core->leading(), row.seq};
  std::vector<const domain::batch*> logged;
  std::vector<domain::table_write> tables;
  std::vector<std::size_t> of_logged;
  for (std::size_t i = 0; i < row.batches.size(); ++i) {
    auto& batch = row.batches[i];
    if (!result.batches[i].error.empty())
      continue;
    result.batches[i].ok = true;
    for (auto& one : batch.tables) {
      if (auto beside = storage::erase_with(one))
        tables.push_back(std::move(*beside));
      tables.push_back(std::move(one));
    }
    if (!batch.entries.empty()) {
      logged.push_back(&batch);
      of_logged.push_back(i);
    }
  }
  entry.row.resize(storage::log_row_size(logged));
  std::vector<std::uint32_t> offsets;
  storage::encode_log_row(static_cast<std::uint32_t>(entry.id.at), row.stamp, logged, entry.row.data(), offsets);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    result.batches[of_logged[i]].offset = offsets[i];
  entry.staged = storage::encode_table_writes(tables);
  result.written = true;
  waiting.push_back({row.seq, std::move(result), std::move(proposed.done)});
  core->propose(std::move(entry));
  settle();
}

void replica_state::committed(std::uint64_t through) {
  config::fault_point("rows-committed");
  note_catalog();
  if (at.shard == domain::system_shard)
    core->tick(ticked_at = time()); // the other nodes hear at once
  while (!waiting.empty() && waiting.front().seq <= through) {
    const auto row = std::move(waiting.front());
    waiting.pop_front();
    row.done(row.result);
  }
}

void replica_state::outrun(const replication::node_id& by, std::uint64_t row) {
  node->fatal("the store is an old copy: shard " + std::to_string(raw(at.shard)) + " ends at row " +
              std::to_string(core->next_seq() - 1) + ", but node " + by + " has row " + std::to_string(row) +
              "; the other nodes have what was acknowledged: start this one with an empty store");
}

void replica_state::begin_serving() {
  config::log(config::log_level::info, "serving a shard",
              {{"shard", raw(at.shard)}, {"epoch", core->leading()}});
  row_sink here = [to = seat](proposed_row row) {
    if (const auto there = to.lock())
      there->take_row(std::move(row));
  };
  shard = front.home_system().spawn(actors::shard, node, at.shard, at.writer, std::move(here));
  caf::anon_send(at.directory, serve_atom_v, at.shard, shard, led_before);
  caf::anon_send(at.sweeper, serve_atom_v, at.shard, shard);
}

void replica_state::end_serving() {
  config::log(config::log_level::info, "not serving a shard any more", {{"shard", raw(at.shard)}});
  caf::anon_send(at.directory, unserve_atom_v, at.shard);
  caf::anon_send(at.sweeper, unserve_atom_v, at.shard);
  // Whether these rows will be committed by whoever leads next is not known.
  for (auto& row : std::exchange(waiting, {})) {
    for (auto& b : row.result.batches) {
      b.ok = false;
      b.error = storage::commit_error::no_quorum;
    }
    row.result.written = false;
    row.done(row.result);
  }
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
  shard = nullptr;
  leaving.reset();
}

// --- links and configuration ---

void replica_state::send(const replication::node_id& to, replication::message what) {
  if (!view)
    return;
  const auto link = view->reachable.find(to);
  if (link == view->reachable.end())
    return;
  const auto stamp = node->store.stamp();
  const auto bytes = replication::encode(what);
  at.send(link->second.link, encode(replica_said{at.shard, stamp.boot_id, stamp.boot, bytes}));
}

void replica_state::heard(const std::string& from, const std::string& bytes) {
  auto what = replication::decode(bytes);
  if (!what) {
    config::log(config::log_level::warning, "a peer sent what can't be read",
                {{"node", from}, {"shard", raw(at.shard)}, {"bytes", bytes.size()}});
    return;
  }
  if (const auto* m = std::get_if<replication::append>(&*what); m != nullptr && !m->rows.empty())
    config::fault_point("rows-received");
  wake_up();
  core->received(from, std::move(*what));
  note_catalog();
  judge();
  settle();
}

void replica_state::changed(cluster_view_ptr now) {
  wake_up();
  const auto before = std::exchange(view, std::move(now));
  for (const auto& [who, link] : view->reachable)
    if (!before || !before->reachable.contains(who) || before->reachable.at(who) != link)
      core->reached(who);
  if (const auto* known = view->of(at.shard))
    configured(*known);
  judge();
  settle();
}

void replica_state::configured(const replication::versioned& known) {
  if (known.value.primary != at.self)
    led_before = known.value.primary;
  core->configured(known);
}

void replica_state::told(const configuration_news& news) {
  wake_up();
  if (news.read && news.found)
    read_at = time();
  if (news.found)
    configured(*news.found);
  else if (news.read)
    core->not_configured();
  judge();
  settle();
}

void replica_state::swap(const coordination::shard_configuration& next, coordination::revision expected) {
  coordination::swap_request request;
  request.key = coordination::shard_key(at.cluster, at.shard);
  request.expected = expected;
  request.value = coordination::encode(next);
  at.configuration->compare_and_swap(std::move(request), [me = front](const auto&) {
    caf::anon_send(me, swapped_atom_v);
  });
}

void replica_state::read_configuration() {
  auto key = coordination::shard_key(at.cluster, at.shard);
  at.configuration->get(key, coordination::reach::key,
                        [me = front, key](const coordination::get_result& result) {
                          configuration_news news;
                          news.read = true;
                          if (!result.error && !result.entries.empty()) {
                            const auto& entry = result.entries.front();
                            auto read = coordination::decode_shard(key, entry.value);
                            if (auto* value = std::get_if<coordination::shard_configuration>(&read))
                              news.found = replication::versioned{std::move(*value), entry.modified};
                            else
                              config::log(config::log_level::error, "the cluster's configuration can't be read",
                                          {{"error", std::get<coordination::value_fault>(read).detail}});
                          } else if (!result.error) {
                            news.found = replication::versioned{};
                          }
                          caf::anon_send(me, std::move(news));
                        });
}

// --- time ---

void replica_state::tick() {
  core->tick(ticked_at = time());
  note_catalog();
  judge();
  settle();
}

void replica_state::wake_up() {
  if (const auto now = time(); now - ticked_at >= look_interval)
    core->tick(ticked_at = now);
}

void replica_state::settle() {
  if (!settled() && !std::exchange(looks, true))
    caf::delayed_anon_send(front, look_interval, wake_atom_v);
}

void replica_state::swapped() {
  core->swapped();
  settle();
}

void replica_state::look_again() {
  looks = false;
  tick();
}

// --- the disk ---

void replica_state::write(plan what, std::string_view done) {
  writes.push_back({std::move(what), done});
  if (!writing)
    write_next();
}

/// One at a time: batches of one commit may fail apart, and these must not overtake each other.
void replica_state::write_next() {
  if (writes.empty())
    return;
  storage::log_row row;
  row.shard = at.shard;
  domain::batch all;
  try {
    all.tables = writes.front().what();
    writing = true;
  } catch (const std::exception& e) {
    node->fatal(e.what());
    return;
  }
  row.batches.push_back(std::move(all));
  caf::anon_send(at.writer, proposed_row{std::move(row), [to = seat](const storage::row_result& result) {
                                           if (const auto there = to.lock())
                                             there->written(result.batches.front());
                                         }});
}

void replica_state::written(const storage::batch_result& receipt) {
  if (!receipt.ok) {
    config::log(config::log_level::warning, "a replica's rows find no room",
                {{"shard", raw(at.shard)}, {"error", receipt.error}});
    // Nothing may overtake it: it is tried until there is room.
    writing = false;
    caf::delayed_anon_send(front, full_retry, commit_atom_v);
    return;
  }
  config::fault_point(writes.front().done);
  writes.pop_front();
  writing = false;
  write_next();
  core->stored();
  note_catalog();
  judge();
  settle();
}

void replica_state::note_catalog() {
  if (at.shard != domain::system_shard)
    return;
  node->catalog_known = core->whole() && (node->catalog_known || core->up_to_date());
  if (node->catalog_applied.exchange(core->applied()) != core->applied())
    ++node->catalog_changes;
}

void replica_state::save(const replication::promise& what) {
  write([this, what] { return storage::plan_promise(at.shard, {what.at, what.candidate}); }, "promise-stored");
}

void replica_state::put(std::uint64_t after, std::vector<replication::log_entry> entries) {
  const auto last = std::exchange(disk_last, entries.empty() ? after : entries.back().id.seq);
  if (last > after)
    recent.clear(), recent_bytes = 0;
  std::vector<storage::shipped_row> shipped;
  for (const auto& e : entries)
    shipped.push_back({place_of(e.id), e.row, e.staged});
  auto planned = storage::plan_put(at.shard, after, last, shipped);
  for (auto& e : entries) {
    recent_bytes += e.row.size() + e.staged.size();
    recent.push_back(std::move(e));
  }
  while (recent_bytes > recent_limit && recent.size() > 1) {
    recent_bytes -= recent.front().row.size() + recent.front().staged.size();
    recent.pop_front();
  }
  write([planned = std::move(planned)] { return planned; }, "rows-stored");
}

void replica_state::apply(std::uint64_t through) {
  write([this, through] {
    const auto after = std::exchange(progress.applied, through);
    return storage::plan_apply(node->store, at.shard, after, progress);
  }, "rows-applied");
}

void replica_state::reset(const replication::row_id& base, replication::epoch in) {
  recent.clear();
  recent_bytes = 0;
  disk_last = base.seq;
  write([this, base, in] {
    progress = {0, false, place_of(base), in};
    return storage::plan_reset(node->store, at.shard, progress);
  });
}

void replica_state::install(const replication::snapshot_part& part) {
  if (part.last)
    disk_last = std::max(disk_last, part.through.seq);
  write([this, part] {
    std::vector<domain::table_write> out;
    if (part.index == 0)
      out = storage::plan_clear(node->store, at.shard, progress.base.seq);
    auto rows = storage::decode_table_writes(part.rows);
    if (!rows)
      throw std::runtime_error("a copy of shard " + std::to_string(raw(at.shard)) + " can't be read");
    out.insert(out.end(), std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
    if (part.last) {
      progress.applied = part.through.seq;
      progress.whole = true;
      progress.reset_in = part.at;
      auto end = storage::plan_whole(at.shard, progress);
      out.insert(out.end(), std::make_move_iterator(end.begin()), std::make_move_iterator(end.end()));
    }
    return out;
  });
}

std::optional<replication::epoch> replica_state::epoch_of(std::uint64_t seq) const {
  if (!recent.empty() && seq >= recent.front().id.seq && seq <= recent.back().id.seq)
    return recent[seq - recent.front().id.seq].id.at;
  return storage::epoch_of_row(node->store, at.shard, seq);
}

std::vector<replication::log_entry> replica_state::rows(std::uint64_t from, std::size_t bytes) const {
  std::vector<replication::log_entry> out;
  std::size_t taken = 0;
  if (!recent.empty() && from >= recent.front().id.seq) {
    for (auto i = from - recent.front().id.seq; i < recent.size() && (taken < bytes || out.empty()); ++i) {
      out.push_back(recent[i]);
      taken += recent[i].row.size() + recent[i].staged.size();
    }
    return out;
  }
  for (auto& row : storage::read_rows(node->store, at.shard, from, bytes))
    out.push_back({id_of(row.place), std::move(row.row), std::move(row.staged)});
  return out;
}

replication::snapshot_part replica_state::next_part(const replication::node_id& to, std::uint64_t index) {
  auto& copy = copies[to];
  if (index == 0) {
    copy.from = std::make_unique<storage::shard_copy>(node->store, at.shard);
  } else if (copy.from && index == copy.part.index) {
    return copy.part; // once more
  }
  if (!copy.from || (index != 0 && index != copy.part.index + 1)) {
    replication::snapshot_part none; // its receiver has lost count, and will say so
    none.index = index;
    return none;
  }
  copy.done = copy.from->read();
  copy.part.index = index;
  copy.part.through = id_of(copy.from->through());
  copy.part.rows = copy.from->next_part();
  copy.part.last = copy.from->done();
  return copy.part;
}

void replica_state::end_copy(const replication::node_id& to) { copies.erase(to); }

shard_lag_ptr replica_state::lag() const {
  if (core->leading() == 0)
    return nullptr;
  auto out = std::make_shared<shard_lag>();
  out->shard = at.shard;
  out->epoch = core->leading();
  out->members.push_back({at.self, core->lag_of(at.self), std::nullopt});
  for (const auto& [who, known] : core->followers()) {
    auto& member = out->members.emplace_back(member_lag{who, core->lag_of(who), std::nullopt});
    if (!known.filling)
      continue;
    const auto copy = copies.find(who);
    const bool begun = copy != copies.end() && copy->second.from;
    member.filled = begun ? member_lag::fill{copy->second.done, copy->second.from->size()} : member_lag::fill{};
  }
  return out;
}

} // namespace carillon::actors
