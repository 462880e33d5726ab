#include "actors/sweeper.hpp"

#include "account/retention.hpp"
#include "storage/catalog.hpp"
#include "storage/keys.hpp"
#include "storage/table_ops.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;
using storage::row_kind;

/// Between two steps, at least.
constexpr auto step_interval = 10ms;

/// A step is followed by so many times its own duration of rest: the sweeper takes less than 5 % of a core.
constexpr int rest_factor = 20;

/// Tables with rows that age, in the order of the walk.
constexpr std::array<row_kind, 4> aging{row_kind::log, row_kind::block, row_kind::missed, row_kind::event_id};

/// How much of a key those rows share that are told of together: up to its account, up to its run of ids.
constexpr std::size_t account_group = storage::key_head_size + sizeof(std::uint64_t);
constexpr std::size_t run_group = account_group + sizeof(std::uint64_t);

/// Tables with rows of a single account, but for the one that tells of its erasure: that goes with the
/// profile.
constexpr std::array<row_kind, 6> owned{row_kind::block,        row_kind::missed, row_kind::event_id,
                                        row_kind::subscription, row_kind::window, row_kind::awake};

} // namespace

void sweeper_state::start(services_ptr services, std::vector<shard_actor> all, shard_actor catalog,
                          directory_actor where) {
  node = std::move(services);
  directory = std::move(where);
  shards = std::move(all);
  system = std::move(catalog);
  next_step();
}

void sweeper_state::next_step() { self->delayed_send(self, rest, sweep_atom_v); }

/// Null: this node doesn't any more.
void sweeper_state::serve(domain::shard_id which, shard_actor by) {
  if (which == domain::system_shard)
    system = std::move(by);
  else
    shards[raw(which)] = std::move(by);
}

void sweeper_state::step() {
  if (!shards[shard]) {
    // What is erased there is erased here by its replica.
    kind = 0;
    cursor.clear();
    shard = (shard + 1) % shards.size();
    return next_step();
  }
  if (kind == 0 && cursor.empty()) {
    // A shard's turn begins with its mark, below which the log may go.
    self->request(shards[shard], caf::infinite, mark_atom_v)
        .then(
            [this](std::uint64_t mark) {
              marked = mark;
              sweep();
            },
            [this](const caf::error&) { next_step(); });
    return;
  }
  sweep();
}

void sweeper_state::sweep() {
  const auto began = domain::boot_clock::now();
  const auto cpu = domain::thread_cpu();
  const domain::shard_id number{static_cast<std::uint16_t>(shard)};
  auto plan = kind < aging.size() ? expired(number) : of_deleted();
  const auto& owner = kind < aging.size() ? shards[shard] : system;
  cursor = std::move(plan.resume);
  rest = std::max<std::chrono::nanoseconds>(step_interval, rest_factor * (domain::boot_clock::now() - began));
  node->counts.retention(domain::thread_cpu() - cpu);
  commit(owner, std::move(plan.writes));
  if (cursor.empty() && ++kind > aging.size()) {
    kind = 0;
    shard = (shard + 1) % shards.size();
  }
}

storage::erase_plan sweeper_state::expired(domain::shard_id number) const {
  const auto now = domain::wall_now();
  const auto settings = node->config();
  const auto& keep = settings->retention;
  const auto past = [&](std::size_t group, auto judge, std::chrono::milliseconds kept) {
    return storage::collect_past(
        node->store, storage::key(number, aging[kind]), cursor, group,
        [judge, before = now - kept](std::string_view value) { return judge(value, before); });
  };
  switch (aging[kind]) {
  case row_kind::log:
    return storage::oldest_log_rows(node->store, number, now - keep.bodies, marked);
  case row_kind::block:
    return past(account_group, account::judge_block, keep.log);
  case row_kind::missed:
    return past(account_group, account::judge_missed, keep.missed);
  default:
    return past(run_group, account::judge_ids, keep.idempotency);
  }
}

/// What the first deleted account of the catalog, in name order from the cursor on, left in its shard.
storage::erase_plan sweeper_state::of_deleted() {
  storage::erase_plan plan;
  if (shard != 0)
    return plan; // once a round is enough
  const storage::catalog catalog{node->store};
  if (cursor.empty())
    states = {{"active", 0}, {"paused", 0}, {"deleting", 0}};
  const auto page = catalog.list_accounts(cursor, 256);
  for (const auto& profile : page) {
    plan.resume = profile.id;
    ++states[storage::to_string(profile.state)];
    if (profile.state != storage::account_state::deleting)
      continue;
    const auto number = node->store.shard_of(profile.number);
    const auto saved = node->reader.get(storage::key(number, row_kind::account, raw(profile.number)));
    const auto awake = node->reader.get(storage::key(number, row_kind::awake, raw(profile.number)));
    if (!saved || awake || !account::is_erased(*saved)) {
      // Its actor is still at it, or has to be: a crash or a full store may have come between.
      self->request(directory, caf::infinite, lookup_atom_v, profile.number)
          .then([](const account_actor&) {}, [](const caf::error&) {});
      continue;
    }
    for (const auto k : owned) {
      auto found = storage::collect_range(node->store, storage::key(number, k, raw(profile.number)), {}, {});
      if (found.writes.empty())
        continue;
      plan.resume = cursor; // come back for the rest
      plan.writes = std::move(found.writes);
      return plan;
    }
    plan.writes = catalog.plan_delete_keys(profile.number, 256);
    if (!plan.writes.empty()) {
      plan.resume = cursor;
      return plan;
    }
    plan.writes = storage::plan_delete_account(profile);
    plan.writes.push_back({storage::key(number, row_kind::account, raw(profile.number)), {}, true});
    return plan;
  }
  if (page.size() == 256)
    return plan;
  plan.resume.clear();
  for (const auto& [state, count] : states)
    node->counts.accounts(state, count);
  return plan;
}

void sweeper_state::commit(const shard_actor& to, std::vector<domain::table_write> writes) {
  if (writes.empty() || !to) {
    next_step();
    return;
  }
  domain::batch b;
  b.tables = std::move(writes);
  self->request(to, caf::infinite, propose_atom_v, std::move(b))
      .then([this](const commit_receipt&) { next_step(); },
            [this](const caf::error&) { next_step(); });
}

sweeper_actor::behavior_type sweeper(sweeper_actor::stateful_pointer<sweeper_state> self, services_ptr node,
                                     std::vector<shard_actor> shards, shard_actor system,
                                     directory_actor where) {
  self->state.start(std::move(node), std::move(shards), std::move(system), std::move(where));
  return {
      [self](serve_atom, domain::shard_id shard, const shard_actor& by) { self->state.serve(shard, by); },
      [self](unserve_atom, domain::shard_id shard) { self->state.serve(shard, {}); },
      [self](sweep_atom) { self->state.step(); },
  };
}

} // namespace carillon::actors
