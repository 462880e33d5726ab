#include "actors/sweeper.hpp"

#include "account/retention.hpp"
#include "actors/cluster_view.hpp"
#include "actors/deleted_account.hpp"
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

/// Tables in which nothing is past are looked at in one step, for so long.
constexpr auto step_time = 100us;

/// After a round that erased nothing: how much later than its time something may go.
constexpr auto idle_rest = 5s;

/// A step is followed by so many times its own duration of rest: the sweeper takes less than 5 % of a core.
constexpr int rest_factor = 20;

/// Tables with rows that age, in the order of the walk.
constexpr std::array<row_kind, 4> aging{row_kind::log, row_kind::block, row_kind::missed, row_kind::event_id};

/// How much of a key those rows share that are told of together: up to its account, up to its run of ids.
constexpr std::size_t account_group = storage::key_head_size + sizeof(std::uint64_t);
constexpr std::size_t run_group = account_group + sizeof(std::uint64_t);

/// Accounts that are read from the catalog at once.
constexpr std::size_t catalog_page = 256;
/// What the node that serves a shard may take to say whether an account is erased.
constexpr auto peer_patience = 5s;

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
  // What is erased elsewhere is erased here by the shard's replica.
  while (shard < shards.size() && !shards[shard]) {
    kind = 0;
    cursor.clear();
    ++shard;
  }
  if (shard == shards.size())
    return next_account();
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
  const auto owner = shards[shard];
  storage::erase_plan plan;
  do {
    plan = expired(number);
    cursor = std::move(plan.resume);
    if (cursor.empty())
      ++kind;
  } while (plan.writes.empty() && cursor.empty() && kind < aging.size() && domain::boot_clock::now() - began < step_time);
  rest = std::max<std::chrono::nanoseconds>(step_interval, rest_factor * (domain::boot_clock::now() - began));
  node->counts.retention(domain::thread_cpu() - cpu);
  if (kind == aging.size()) {
    kind = 0;
    ++shard;
  }
  commit(owner, std::move(plan.writes));
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

// --- deleted accounts ---

/// In name order.
void sweeper_state::next_account() {
  if (page.empty()) {
    if (cursor.empty())
      states = {{"active", 0}, {"paused", 0}, {"deleting", 0}};
    page = storage::catalog{node->store}.list_accounts(cursor, catalog_page);
    if (page.empty())
      return end_of_catalog();
    std::reverse(page.begin(), page.end());
  }
  const auto began = domain::boot_clock::now();
  const auto cpu = domain::thread_cpu();
  for (; !page.empty() && page.back().state != storage::account_state::deleting; page.pop_back()) {
    cursor = page.back().id;
    ++states[storage::to_string(page.back().state)];
  }
  rest = std::max<std::chrono::nanoseconds>(step_interval, rest_factor * (domain::boot_clock::now() - began));
  node->counts.retention(domain::thread_cpu() - cpu);
  if (page.empty())
    return next_step();
  const auto& profile = page.back();
  if (shards[raw(node->store.shard_of(profile.number))])
    erase(profile);
  else
    forget_if_erased(profile);
}

void sweeper_state::end_of_catalog() {
  for (const auto& [state, count] : states)
    node->counts.accounts(state, count);
  cursor.clear();
  shard = 0;
  if (!std::exchange(erased_some, false))
    rest = idle_rest;
  next_step();
}

/// Its shard is served here.
void sweeper_state::erase(const storage::account_profile& profile) {
  auto found = look_at_deleted(node->store, profile.number);
  switch (found.is) {
  case deleted_account::stage::open:
    // Its actor is still at it, or has to be: a crash or a full store may have come between.
    self->request(directory, caf::infinite, lookup_atom_v, profile.number)
        .then([](const account_actor&) {}, [](const caf::error&) {});
    return done_with_account();
  case deleted_account::stage::rows:
    return commit(shards[raw(node->store.shard_of(profile.number))], std::move(found.next));
  case deleted_account::stage::erased:
    return forget(profile);
  }
}

/// Its shard is another node's.
void sweeper_state::forget_if_erased(const storage::account_profile& profile) {
  const auto view = node->cluster();
  const auto* known = view ? view->of(node->store.shard_of(profile.number)) : nullptr;
  if (!system || known == nullptr || !view->reachable.contains(known->value.primary))
    return done_with_account();
  self->request(view->reachable.at(known->value.primary).entry, peer_patience, erased_atom_v,
                std::uint64_t{raw(profile.number)})
      .then([this, profile](bool erased) { erased ? forget(profile) : done_with_account(); },
            [this](const caf::error&) { done_with_account(); });
}

/// The row that tells of its erasure goes with its profile and its keys.
void sweeper_state::forget(const storage::account_profile& profile) {
  if (!system)
    return done_with_account();
  auto writes = storage::catalog{node->store}.plan_delete_keys(profile.number, catalog_page);
  if (writes.empty()) {
    writes = storage::plan_delete_account(profile);
    writes.push_back({storage::key(node->store.shard_of(profile.number), row_kind::account, raw(profile.number)), {}, true});
    cursor = profile.id;
    page.pop_back();
  }
  commit(system, std::move(writes));
}

void sweeper_state::done_with_account() {
  cursor = page.back().id;
  ++states[storage::to_string(page.back().state)];
  page.pop_back();
  next_step();
}

void sweeper_state::commit(const shard_actor& to, std::vector<domain::table_write> writes) {
  if (writes.empty() || !to) {
    next_step();
    return;
  }
  erased_some = true;
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
