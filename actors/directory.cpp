#include "actors/directory.hpp"

#include "actors/account.hpp"
#include "actors/effective_settings.hpp"
#include "actors/error.hpp"
#include "config/logging.hpp"
#include "storage/keys.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

namespace carillon::actors {

namespace {

constexpr std::size_t rows_at_once = 1000;

/// Accounts that a start loads at the same time: enough to keep cores and commits busy. With all at once, the
/// first to be loaded would stand behind the last before its POSTs leave.
constexpr std::size_t waking_at_once = 16;
/// Who takes longer (the store may be full) holds nobody up.
constexpr std::chrono::seconds waking_time{1};

domain::account_id account_in(std::string_view key) {
  std::uint64_t out = 0;
  for (const auto c : key.substr(key.size() - 8))
    out = out << 8 | static_cast<std::uint8_t>(c);
  return domain::account_id{out};
}

request_ptr to_request(account::request r) {
  return std::make_shared<account::request>(std::move(r));
}

/// Nothing was done, for another node serves the catalog.
account::request_error catalog_moved() {
  return {503, "no-quorum", "no node of the cluster holds the accounts and keys at the moment; nothing was done", {}, 1,
          true};
}

} // namespace

void directory_state::start(services_ptr services, directory_neighbours neighbours) {
  node = std::move(services);
  at = std::move(neighbours);
  self->set_down_handler([this](caf::down_msg& down) { gone(down.source); });
}

directory_state::~directory_state() {
  for (const auto& [id, one] : live)
    caf::anon_send_exit(one.actor, caf::exit_reason::kill);
}

// --- live accounts ---

settings_ptr directory_state::settings_of(const storage::account_profile& profile) const {
  const account::identity who{profile.number, node->store.shard_of(profile.number), node->store.identity().generation};
  const bool held = node->held && !account::is_released(who, node->source);
  return std::make_shared<account::settings>(effective_settings(profile, *node->config(), held));
}

const engine_access& directory_state::engine_of(domain::account_id id) const {
  return at.engines[raw(id) / at.shards.size() % at.engines.size()];
}

/// nullptr when there is no such account, or its shard isn't served here.
account_actor* directory_state::spawn(domain::account_id id) {
  if (!at.shards[raw(node->store.shard_of(id))])
    return nullptr;
  const auto profile = storage::catalog{node->store}.find_account(id);
  if (!profile)
    return nullptr;
  account_neighbours around;
  around.id = id;
  around.number = node->store.shard_of(id);
  around.shard = at.shards[raw(around.number)];
  const auto& engine = engine_of(id);
  if (const auto from = had_before.find(raw(around.number)); from != had_before.end())
    around.had_before = from->second;
  around.deliver = engine.actor;
  around.desk = engine.desk;
  around.directory = directory_actor{self};
  const bool leaving = closed.contains(raw(around.number));
  auto actor = self->spawn(account_behavior, node, std::move(around), settings_of(*profile));
  if (leaving)
    self->request(actor, caf::infinite, close_atom_v).then([](bool) {}, [](const caf::error&) {});
  self->monitor(actor);
  by_actor.emplace(actor->id(), raw(id));
  auto& slot = live[raw(id)];
  slot.actor = std::move(actor);
  slot.leaving = false;
  return &slot.actor;
}

ec directory_state::why_none(domain::account_id id) const {
  if (!at.shards[raw(node->store.shard_of(id))])
    return ec::not_served;
  // A node may be given a shard before it has all of the catalog: then it can't say that there is no such account.
  return node->cluster() && !node->catalog_is_current() ? ec::not_served : ec::no_such_account;
}

caf::result<account_actor> directory_state::lookup(domain::account_id id) {
  const auto it = live.find(raw(id));
  if (it != live.end() && it->second.leaving) {
    it->second.newcomers.push_back(self->make_response_promise<account_actor>());
    return it->second.newcomers.back();
  }
  if (it != live.end())
    return it->second.actor;
  if (auto* actor = spawn(id))
    return *actor;
  return caf::make_error(why_none(id));
}

bool directory_state::retire(domain::account_id id) {
  const auto it = live.find(raw(id));
  if (it == live.end() || it->second.leaving)
    return false;
  it->second.leaving = true;
  return true;
}

void directory_state::stay(domain::account_id id) {
  const auto it = live.find(raw(id));
  if (it == live.end())
    return;
  it->second.leaving = false;
  for (auto& newcomer : std::exchange(it->second.newcomers, {}))
    newcomer.deliver(it->second.actor);
}

void directory_state::gone(const caf::actor_addr& who) {
  const auto known = by_actor.find(who.id());
  if (known == by_actor.end())
    return;
  const domain::account_id id{known->second};
  by_actor.erase(known);
  auto newcomers = std::move(live[raw(id)].newcomers);
  const bool lost = live[raw(id)].lost;
  live.erase(raw(id));
  if (lost && at.shards[raw(node->store.shard_of(id))]) {
    to_wake.push_back(id); // its shard came back meanwhile
    wake_more();
  }
  if (newcomers.empty())
    return;
  auto* actor = live.contains(raw(id)) ? &live[raw(id)].actor : spawn(id);
  for (auto& newcomer : newcomers)
    if (actor != nullptr)
      newcomer.deliver(*actor);
    else
      newcomer.deliver(caf::make_error(why_none(id)));
}

/// Loads everyone who has something open, some at a time: who said so at the last checkpoint, and who appears
/// in the log since.
void directory_state::awaken() {
  look_again = false;
  for (std::uint16_t s = 0; s < at.shards.size(); ++s)
    if (at.shards[s])
      awaken_shard(domain::shard_id{s});
}

void directory_state::awaken_shard(domain::shard_id shard) {
  const auto prefix = storage::key(shard, storage::row_kind::awake);
  std::string start;
  for (;;) {
    const auto rows = node->reader.range(prefix, start, rows_at_once);
    for (const auto& [key, value] : rows)
      to_wake.push_back(account_in(key));
    if (rows.size() < rows_at_once)
      break;
    start = rows.back().first + '\0';
  }
  self->request(at.shards[raw(shard)], caf::infinite, unsaved_atom_v)
      .then(
          [this](const std::vector<std::uint64_t>& accounts) {
            for (const auto id : accounts)
              to_wake.push_back(domain::account_id{id});
            wake_more();
          },
          [](const caf::error&) {}); // the shard has left already
  wake_more();
}

// --- a cluster's shards come and go ---

void directory_state::serve(domain::shard_id shard, shard_actor by, std::string before) {
  closed.erase(raw(shard));
  had_before[raw(shard)] = std::move(before);
  if (shard == domain::system_shard) {
    at.system = std::move(by);
    return next_change();
  }
  at.shards[raw(shard)] = std::move(by);
  awaken_shard(shard);
}

void directory_state::unserve(domain::shard_id shard) {
  closed.erase(raw(shard));
  if (shard == domain::system_shard) {
    at.system = nullptr;
    return;
  }
  at.shards[raw(shard)] = nullptr;
  for (auto& [id, one] : live)
    if (node->store.shard_of(domain::account_id{id}) == shard) {
      one.leaving = one.lost = true;
      self->send(one.actor, lost_atom_v);
    }
}

caf::result<bool> directory_state::close(domain::shard_id shard) {
  closed.insert(raw(shard));
  return ask_those<close_atom>([this, shard](domain::account_id id) { return node->store.shard_of(id) == shard; });
}

void directory_state::open(domain::shard_id shard) {
  closed.erase(raw(shard));
  for (auto& [id, one] : live)
    if (node->store.shard_of(domain::account_id{id}) == shard)
      self->send(one.actor, open_atom_v);
}

void directory_state::wake_more() {
  while (waking < waking_at_once && !to_wake.empty() && !node->draining) {
    const auto id = to_wake.front();
    to_wake.pop_front();
    auto* actor = live.contains(raw(id)) ? nullptr : spawn(id);
    if (actor == nullptr) {
      // In a cluster it may be known elsewhere and not here yet: looked for once more.
      if (node->cluster() && !live.contains(raw(id)) && at.shards[raw(node->store.shard_of(id))] &&
          !std::exchange(look_again, true))
        self->delayed_send(self, waking_time, awaken_atom_v);
      continue;
    }
    ++waking;
    const auto next = [this] {
      --waking;
      wake_more();
    };
    // Reads are answered behind the first turn: by then what it claims has left.
    self->request(*actor, waking_time, to_request(account::get_usage{}))
        .then([next](const reply_ptr&) { next(); }, [next](const caf::error&) { next(); });
  }
}

void directory_state::reload() {
  const storage::catalog catalog{node->store};
  for (const auto& [id, one] : live)
    if (const auto profile = catalog.find_account(domain::account_id{id}))
      self->send(one.actor, settings_of(*profile));
}

caf::result<bool> directory_state::drain() {
  return ask_those<drain_atom>([](domain::account_id) { return true; });
}

/// Answers when all of these live accounts have.
template <class Question>
caf::result<bool> directory_state::ask_those(const std::function<bool(domain::account_id)>& which) {
  auto answer = self->make_response_promise<bool>();
  auto left = std::make_shared<std::size_t>(1);
  auto one_less = [answer, left]() mutable {
    if (--*left == 0)
      answer.deliver(true);
  };
  for (const auto& [id, one] : live)
    if (which(domain::account_id{id})) {
      ++*left;
      self->request(one.actor, caf::infinite, Question{})
          .then([one_less](bool) mutable { one_less(); },
                [one_less](const caf::error&) mutable { one_less(); });
    }
  one_less();
  return answer;
}

caf::result<catalog_reply_ptr> directory_state::release(bool send, const std::vector<std::string>& accounts) {
  const bool all = std::find(accounts.begin(), accounts.end(), "*") != accounts.end();
  const storage::catalog catalog{node->store};
  std::vector<domain::account_id> chosen;
  if (all) {
    for (const auto& [id, one] : live)
      chosen.push_back(domain::account_id{id});
    // Who is still to be loaded is loaded now.
    for (const auto id : std::exchange(to_wake, {}))
      if (!live.contains(raw(id)) && catalog.find_account(id))
        chosen.push_back(id);
  } else {
    for (const auto& id : accounts) {
      const auto profile = catalog.find_account(id);
      if (!profile)
        return std::make_shared<catalog_reply>(
            account::request_error{404, "not-found", "there is no account \"" + id + "\"", {}, 0});
      chosen.push_back(profile->number);
    }
  }
  auto answer = self->make_response_promise<catalog_reply_ptr>();
  auto left = std::make_shared<std::size_t>(chosen.size() + 1);
  auto failed = std::make_shared<bool>(false);
  auto one_less = [this, answer, left, all, failed]() mutable {
    if (--*left > 0)
      return;
    if (*failed) {
      // What was to expire and did not must not be sent: the hold stays.
      answer.deliver(std::make_shared<catalog_reply>(account::request_error{
          503, "overloaded", "not every account could write the release down; ask again", {}, 1}));
      return;
    }
    if (!all) {
      answer.deliver(std::make_shared<catalog_reply>(account::done_reply{}));
      return;
    }
    // Nobody is held any more: write that down.
    self->request(at.system, caf::infinite, release_atom_v)
        .then(
            [this, answer](bool) mutable {
              node->held = false;
              reload();
              answer.deliver(std::make_shared<catalog_reply>(account::done_reply{}));
            },
            [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  };
  for (const auto id : chosen) {
    const auto not_done = [one_less, failed](const caf::error&) mutable {
      *failed = true;
      one_less();
    };
    // Asked of itself: whoever is leaving is waited for, and follows itself.
    self->request(directory_actor{self}, caf::infinite, lookup_atom_v, id)
        .then(
            [this, one_less, failed, not_done, send](const account_actor& one) {
              self->request(one, caf::infinite, to_request(account::release_held{send}))
                  .then(
                      [one_less, failed](const reply_ptr& r) mutable {
                        *failed = *failed || std::holds_alternative<account::request_error>(*r);
                        one_less();
                      },
                      not_done);
            },
            not_done);
  }
  one_less();
  return answer;
}

// --- the catalog ---

caf::result<catalog_reply_ptr> directory_state::change(catalog_request_ptr r) {
  changes.push_back({std::move(r), self->make_response_promise<catalog_reply_ptr>()});
  auto answer = changes.back().answer;
  next_change();
  return answer;
}

void directory_state::next_change() {
  while (!changing && !changes.empty()) {
    auto change = std::move(changes.front());
    changes.pop_front();
    if (!at.system) {
      change.answer.deliver(std::make_shared<catalog_reply>(catalog_moved()));
      continue;
    }
    auto plan = plan_change(node->store, *change.what, domain::wall_now());
    if (plan.writes.empty()) {
      change.answer.deliver(std::make_shared<catalog_reply>(std::move(plan.reply)));
      continue;
    }
    changing = true;
    domain::batch b;
    b.tables = std::move(plan.writes);
    auto outcome = std::make_shared<catalog_reply>(std::move(plan.reply));
    self->request(at.system, caf::infinite, propose_atom_v, std::move(b))
        .then(
            [this, change, outcome](const commit_receipt& receipt) mutable {
              changing = false;
              if (receipt.ok)
                changed(*change.what, *outcome);
              else if (receipt.error == storage::commit_error::not_serving)
                *outcome = catalog_moved();
              else
                *outcome =
                    account::request_error{503, receipt.error, "the store did not take the change", {}, 30};
              change.answer.deliver(std::move(outcome));
              next_change();
            },
            [this, change](caf::error& e) mutable {
              changing = false;
              change.answer.deliver(std::move(e));
              next_change();
            });
  }
}

/// Tells the account's actor what its operator decided.
void directory_state::changed(const catalog_request& what, const catalog_reply& outcome) {
  if (std::holds_alternative<put_account>(what)) {
    const auto& profile = std::get<account_reply>(outcome).profile;
    if (const auto it = live.find(raw(profile.number)); it != live.end())
      self->send(it->second.actor, settings_of(profile));
  } else if (const auto* removed = std::get_if<remove_account>(&what)) {
    const auto profile = storage::catalog{node->store}.find_account(removed->id);
    if (!profile)
      return;
    const auto it = live.find(raw(profile->number));
    auto* actor = it != live.end() ? &it->second.actor : spawn(profile->number);
    if (actor != nullptr)
      self->send(*actor, settings_of(*profile));
    if (actor != nullptr)
      caf::anon_send(*actor, to_request(account::erase_account{}));
  }
}

directory_actor::behavior_type directory(directory_actor::stateful_pointer<directory_state> self,
                                         services_ptr node, directory_neighbours at) {
  self->state.start(std::move(node), std::move(at));
  return {
      [self](lookup_atom, domain::account_id id) { return self->state.lookup(id); },
      [self](catalog_request_ptr& r) { return self->state.change(std::move(r)); },
      [self](retire_atom, domain::account_id id) { return self->state.retire(id); },
      [self](stay_atom, domain::account_id id) { self->state.stay(id); },
      [self](awaken_atom) { self->state.awaken(); },
      [self](release_atom, bool send, const std::vector<std::string>& accounts) {
        return self->state.release(send, accounts);
      },
      [self](serve_atom, domain::shard_id shard, const shard_actor& by, std::string& before) {
        self->state.serve(shard, by, std::move(before));
      },
      [self](unserve_atom, domain::shard_id shard) { self->state.unserve(shard); },
      [self](close_atom, domain::shard_id shard) { return self->state.close(shard); },
      [self](open_atom, domain::shard_id shard) { self->state.open(shard); },
      [self](domain::account_id id, outcome_vector& outcomes) {
        const auto it = self->state.live.find(raw(id));
        if (it != self->state.live.end() && !it->second.lost)
          self->send(it->second.actor, std::move(outcomes));
        else // for the actor that follows it, when the shard is served here anew
          self->state.engine_of(id).desk->leave_behind(id, outcome_taker{}, std::move(outcomes));
      },
      [self](resume_atom, domain::account_id id, const outcome_taker& heir) {
        return self->delegate(self->state.engine_of(id).actor, resume_atom_v, id, heir);
      },
      [self](reload_atom) { self->state.reload(); },
      [self](drain_atom) { return self->state.drain(); },
      [self](count_atom) { return static_cast<std::uint64_t>(self->state.live.size()); },
  };
}

} // namespace carillon::actors
