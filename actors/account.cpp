#include "actors/account.hpp"

#include "actors/cluster_view.hpp"
#include "actors/outcome_codec.hpp"
#include "config/fault_points.hpp"
#include "config/logging.hpp"

#include <caf/send.hpp>

#include <iterator>
#include <type_traits>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;

/// A quiet account saves itself after this time, and leaves after as much again.
constexpr auto quiet_time = 5s;

/// Requests that one turn takes, so that a flood neither makes a turn long nor its batch large.
constexpr std::size_t requests_per_turn = 256;

/// Bytes of decisions after which a turn takes no further request; a request itself is never split.
constexpr std::size_t bytes_per_turn = 1 << 20;

/// A store that refuses or can't be read is tried again after this time.
constexpr auto retry_delay = 1s;

account::request_error moved() {
  return {503, "no-quorum", "another node of the cluster serves this account now; nothing was done", {}, 1, true};
}

account::request_error refusal(const std::string& why) {
  if (why == storage::commit_error::store_full)
    return {503, "store-full", "the store has no room left; nothing was accepted", {}, 30};
  if (why == storage::commit_error::no_quorum)
    return {503, "no-quorum",
            "too few nodes of the cluster hold this account at the moment, or it is moving to another; what was "
            "asked may still happen",
            {}, 1};
  if (why == storage::commit_error::not_serving)
    return moved();
  return {503, "overloaded", "the store did not take the change: " + why, {}, 1};
}

/// What the node that had the account before may take to tell which POSTs it has under way.
constexpr auto had_before_patience = 5s;

} // namespace

/// What the node's sums hold of this account leaves with its actor.
account_state::~account_state() {
  core.reset();
  if (node)
    count_changes();
}

void account_state::start(services_ptr services, account_neighbours neighbours, settings_ptr initial) {
  node = std::move(services);
  at = std::move(neighbours);
  limits = *initial;
  // Only of the node that had the account before.
  self->set_down_handler([this](const caf::down_msg&) { give_up_elsewhere(); });
  load();
  schedule_idle();
}

// --- loading ---

void account_state::load() {
  if (stands == standing::without_shard)
    return;
  core.reset();
  self->request(at.shard, caf::infinite, tail_atom_v, at.id)
      .then([this](const shard_tail& tail) { loaded(tail); },
            [this](const caf::error& e) {
              config::log(config::log_level::error, "account not loaded",
                          {{"account", limits.name}, {"error", caf::to_string(e)}});
              self->quit(e);
            });
}

void account_state::loaded(const shard_tail& tail) {
  if (stands == standing::without_shard)
    return;
  log = tail.log;
  try {
    auto fresh = std::make_unique<account::account>(
        account::identity{at.id, at.number, node->store.identity().generation}, limits, node->source,
        node->keys, node->parsed_events);
    fresh->load(node->store.stamp(), tail.from == 0 ? std::nullopt : std::optional{tail.from});
    loading = std::move(fresh);
  } catch (const std::exception& e) {
    config::log(config::log_level::error, "account not loaded",
                {{"account", limits.name}, {"error", e.what()}});
    const account::request_error error{500, "internal", e.what(), {}, 0};
    for (auto& in : std::exchange(inputs, {}))
      in.answer.deliver(error);
    for (auto& p : std::exchange(polls, {}))
      p.to.deliver(error);
    for (auto* list : {&drains, &closings})
      for (auto& d : std::exchange(*list, {}))
        d.deliver(true); // what can't be loaded has nothing to save
    self->quit(caf::sec::runtime_error);
    return;
  }
  if (loading->in_flight() == 0)
    return resumed({});
  self->request(at.deliver, caf::infinite, resume_atom_v, at.id, outcome_taker{account_actor{self}})
      .then([this](const std::vector<std::uint64_t>& under_way) {
        ask_who_had_it({under_way.begin(), under_way.end()});
      });
}

/// Its POSTs under way go on there, and their outcomes come here.
void account_state::ask_who_had_it(std::set<std::uint64_t> under_way) {
  const auto view = node->cluster();
  if (!view || !view->reachable.contains(at.had_before))
    return resumed(std::move(under_way));
  const auto there = view->reachable.find(at.had_before);
  self->monitor(there->second.entry);
  self->request(there->second.entry, had_before_patience, resume_atom_v, view->self, std::uint64_t{raw(at.id)})
      .then(
          [this, under_way](const std::string& tokens) mutable {
            in_flight_elsewhere = decode_tokens(tokens);
            under_way.insert(in_flight_elsewhere.begin(), in_flight_elsewhere.end());
            for (const auto& o : ended)
              in_flight_elsewhere.erase(o.token);
            resumed(std::move(under_way));
            if (!in_flight_elsewhere.empty())
              self->delayed_send(self, limits.delivery_timeout + had_before_patience, resume_atom_v);
          },
          [this, under_way](const caf::error&) { resumed(under_way); });
}

void account_state::give_up_elsewhere() {
  if (in_flight_elsewhere.empty() || !core)
    return;
  core->give_up_claims(std::exchange(in_flight_elsewhere, {}));
  urgent = true;
  turn();
}

void account_state::resumed(std::set<std::uint64_t> under_way) {
  if (stands == standing::without_shard)
    return;
  for (const auto& o : ended)
    under_way.insert(o.token);
  core = std::move(loading);
  core->keep_claims(under_way);
  count_changes();
  urgent = true;
  turn();
}

// --- what comes in ---

caf::result<reply_ptr> account_state::request(request_ptr r) {
  if (stands == standing::without_shard)
    return std::make_shared<account::reply>(moved());
  auto durable = self->make_response_promise<reply_ptr>();
  inputs.push_back({std::move(r), durable});
  came_in();
  return durable;
}

void account_state::requests(open_request_list list) {
  for (auto& each : list) {
    auto what = each.read();
    if (stands == standing::without_shard)
      each.answer(moved());
    else
      inputs.push_back({std::move(what), std::move(each)});
  }
  if (stands != standing::without_shard)
    came_in();
}

void account_state::came_in() {
  urgent = true;
  leaving = false;
  turn();
}

void account_state::outcomes(std::vector<net::delivery_outcome> list) {
  config::fault_point("outcome-received");
  for (const auto& o : list)
    in_flight_elsewhere.erase(o.token);
  ended.insert(ended.end(), std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()));
  turn();
  if (!committing && core)
    set_timer();
}

void account_state::configure(const account::settings& changed) {
  limits = changed;
  limits_changed = true;
  targets.clear(); // the egress policy may be another one
  urgent = true;
  turn();
}

void account_state::wake(std::uint64_t which) {
  if (which != timer)
    return;
  timer_at.reset();
  urgent = true;
  turn();
}

// --- the shard goes to another node ---

caf::result<bool> account_state::close() {
  closings.push_back(self->make_response_promise<bool>());
  auto closed = closings.back();
  if (stands == standing::closed)
    self->send(self, left_atom_v); // once more: it is answered then
  else if (stands == standing::open)
    stands = standing::closing;
  turn();
  return closed;
}

void account_state::open() {
  if (stands == standing::closed)
    self->request(at.deliver, caf::infinite, resume_atom_v, at.id, outcome_taker{account_actor{self}})
        .then([](const std::vector<std::uint64_t>&) {});
  stands = standing::open;
  urgent = true;
  turn();
}

/// What the new owner of the shard knows, it knows from the log. What was decided and not committed may still be
/// committed; everything else hasn't been done, and is asked there.
void account_state::lost() {
  for (auto& a : std::exchange(answers, {}))
    a.to.deliver(refusal(storage::commit_error::no_quorum));
  for (auto& t : std::exchange(new_tests, {}))
    t.to.deliver(refusal(storage::commit_error::no_quorum));
  for (auto* list : {&inputs, &reads})
    for (auto& in : std::exchange(*list, {}))
      in.answer.deliver(moved());
  for (auto& p : std::exchange(polls, {}))
    p.to.deliver(raw(p.test) != 0 ? refusal(storage::commit_error::no_quorum) : moved());
  if (core && committing)
    node->slots.release(core->undone_claims());
  ended.insert(ended.begin(), std::make_move_iterator(ended_in_batch.begin()),
               std::make_move_iterator(ended_in_batch.end()));
  ended_in_batch.clear();
  core.reset();
  loading.reset();
  count_changes();
  stands = standing::without_shard;
  leave_behind();
}

/// Outcomes may be on their way: they are here before what it sends to itself.
void account_state::leave_behind() {
  at.desk->leave_behind(at.id, outcome_taker{account_actor{self}}, {});
  self->send(self, left_atom_v);
}

void account_state::left() {
  if (stands == standing::closed || stands == standing::without_shard)
    at.desk->leave_behind(at.id, outcome_taker{account_actor{self}}, std::exchange(ended, {}));
  for (auto& c : std::exchange(closings, {}))
    c.deliver(true);
  if (stands != standing::without_shard)
    return;
  for (auto& d : std::exchange(drains, {}))
    d.deliver(true);
  self->quit();
}

caf::result<bool> account_state::drain() {
  draining = true;
  drains.push_back(self->make_response_promise<bool>());
  auto drained = drains.back();
  save_asked = true;
  urgent = true;
  turn();
  return drained;
}

void account_state::schedule_idle() {
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(quiet_time), idle_atom_v,
                     idle_timer);
}

/// Comes all quiet times; a turn in between moves it on.
void account_state::idle(std::uint64_t which) {
  const bool quiet = which == idle_timer && core && !committing && inputs.empty() && ended.empty();
  if (quiet && core->unsaved()) {
    save_asked = true;
    turn();
  } else if (quiet && core->at_rest() && polls.empty() && drains.empty()) {
    leaving = true;
    self->request(at.directory, caf::infinite, retire_atom_v, at.id)
        .then(
            [this](bool may) {
              // The directory holds newcomers back until this actor is gone; what still arrived goes first.
              if (may && leaving && inputs.empty() && !committing)
                self->quit();
              else if (may)
                self->send(at.directory, stay_atom_v, at.id);
            },
            [this](const caf::error&) { leaving = false; });
  }
  schedule_idle();
}

// --- one turn ---

bool account_state::wants_turn() const {
  if (urgent || save_asked || slots_came)
    return true;
  // With something waiting, a freed slot or an ordered subscription's outcome is wanted at once.
  return !ended.empty() && (core->pending() > 0 || !polls.empty() || !drains.empty());
}

void account_state::turn() {
  if (committing || !core || stands == standing::closed)
    return;
  if (stands == standing::closing && in_flight_elsewhere.empty()) {
    stands = standing::closed;
    return leave_behind();
  }
  if (!wants_turn())
    return;
  ++idle_timer;
  urgent = slots_came = false;
  const auto moment = now();
  if (std::exchange(limits_changed, false))
    core->configure(limits);
  core->begin(moment, std::exchange(save_asked, false));

  ended_in_batch = std::exchange(ended, {});
  for (const auto& o : ended_in_batch)
    core->end(domain::notification_number{o.token}, o.result);

  std::deque<input> later;
  std::string fault;
  for (std::size_t taken = 0; !inputs.empty() && taken < requests_per_turn &&
                              core->decided_bytes() < bytes_per_turn && fault.empty();
       ++taken) {
    auto in = std::move(inputs.front());
    inputs.pop_front();
    if (account::creations(*in.what) > fresh_ids.size())
      later.push_back(std::move(in));
    else
      fault = write_or_say_why_not(in);
  }
  if (!later.empty()) {
    for (auto in = later.rbegin(); in != later.rend(); ++in)
      inputs.push_front(std::move(*in));
    reserve_id();
  }
  if (!fault.empty())
    return refused(fault);
  core->claim([this] { return may_claim() && node->slots.try_acquire(1) == 1; });
  if (auto batch = core->finish())
    propose(std::move(*batch));
  else
    committed({true, 0, 0, ""});
}

/// A request that a rule can't cope with must not take the account with it: what of the turn is decided is
/// undone, and only this request fails for good.
std::string account_state::write_or_say_why_not(input& in) {
  try {
    write(in);
    return {};
  } catch (const std::exception& e) {
    in.answer.deliver(account::request_error{500, "internal", "the request can't be carried out", {}, 0});
    return std::string{"a request failed: "} + e.what();
  }
}

void account_state::write(input& in) {
  auto done = [&](account::reply r) { answers.push_back({std::move(in.answer), std::move(r)}); };
  std::visit(
      [&](auto& r) {
        using request = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<request, account::submit_events>) {
          done(widen(core->submit(r)));
        } else if constexpr (std::is_same_v<request, account::create_subscription>) {
          done(widen(core->create(r, take_id())));
        } else if constexpr (std::is_same_v<request, account::change_subscriptions>) {
          std::vector<domain::subscription_id> ids;
          for (auto left = account::creations(*in.what); left > 0; --left)
            ids.push_back(take_id());
          done(core->change(r, ids));
        } else if constexpr (std::is_same_v<request, account::replace_subscription>) {
          done(widen(core->replace(r)));
        } else if constexpr (std::is_same_v<request, account::delete_subscription>) {
          done(widen(core->remove(r)));
        } else if constexpr (std::is_same_v<request, account::test_subscription>) {
          auto made = core->test(r);
          if (auto* failed = std::get_if<account::request_error>(&made))
            done(std::move(*failed));
          else
            new_tests.push_back(
                {{}, std::get<domain::notification_number>(made), std::move(in.answer), now().boot + r.wait});
        } else if constexpr (std::is_same_v<request, account::release_held>) {
          released_in_batch = true;
          core->release(r);
          done(account::done_reply{});
        } else if constexpr (std::is_same_v<request, account::erase_account>) {
          core->erase();
          done(account::done_reply{});
        } else {
          // Reads see what is committed: they are answered when this turn's batch is.
          reads.push_back(std::move(in));
        }
      },
      *in.what);
}

/// Answers what only reads, from a committed state.
void account_state::read(input& in) {
  const auto stamp = node->store.stamp();
  const auto done = [&](account::reply r) { in.answer.deliver(std::move(r)); };
  std::visit(
      [&](auto& r) {
        using request = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<request, account::explain_event>) {
          done(core->explain(r));
        } else if constexpr (std::is_same_v<request, account::list_subscriptions>) {
          done(core->subscriptions());
        } else if constexpr (std::is_same_v<request, account::query_log>) {
          done(core->log(r, stamp));
        } else if constexpr (std::is_same_v<request, account::get_notification>) {
          done(widen(core->get(r.number, stamp)));
        } else if constexpr (std::is_same_v<request, account::get_usage>) {
          done(core->usage(now()));
        } else if constexpr (std::is_same_v<request, account::query_missed>) {
          polls.push_back({r, {}, std::move(in.answer), now().boot + r.wait});
        }
      },
      *in.what);
}

domain::subscription_id account_state::take_id() {
  const domain::subscription_id id{fresh_ids.front()};
  fresh_ids.pop_front();
  return id;
}

void account_state::reserve_id() {
  if (std::exchange(reserving, true))
    return;
  self->request(at.shard, caf::infinite, reserve_atom_v)
      .then(
          [this](std::uint64_t id) {
            reserving = false;
            fresh_ids.push_back(id);
            urgent = true;
            turn();
          },
          [this](const caf::error& e) {
            reserving = false;
            const auto why =
                refusal(caf::to_string(e).find(storage::commit_error::store_full) != std::string::npos
                            ? storage::commit_error::store_full
                            : caf::to_string(e));
            std::deque<input> others;
            for (auto& in : std::exchange(inputs, {}))
              if (account::creations(*in.what) > 0)
                in.answer.deliver(why);
              else
                others.push_back(std::move(in));
            inputs = std::move(others);
          });
}

void account_state::propose(domain::batch batch) {
  committing = true;
  log->propose(std::move(batch),
               [me = account_actor{self}](const commit_receipt& receipt) { caf::anon_send(me, receipt); });
}

void account_state::proposed(const commit_receipt& receipt) {
  committing = false;
  if (stands == standing::without_shard)
    return;
  if (receipt.ok)
    committed(receipt);
  else
    refused(receipt.error);
}

void account_state::committed(const commit_receipt& receipt) {
  auto posts = core->committed(receipt.seq, receipt.offset);
  if (!ended_in_batch.empty())
    config::fault_point("outcome-committed");
  ended_in_batch.clear();
  if (std::exchange(released_in_batch, false))
    limits.held = false;
  config::fault_point("before-post");
  send_out(std::move(posts));
  for (auto& a : std::exchange(answers, {}))
    a.to.deliver(std::move(a.what));
  for (auto& in : std::exchange(reads, {}))
    try {
      read(in);
    } catch (const std::exception& e) {
      config::log(config::log_level::error, "an account could not be read",
                  {{"account", limits.name}, {"error", e.what()}});
      in.answer.deliver(account::request_error{500, "internal", "the request can't be answered", {}, 0});
    }
  for (auto& t : std::exchange(new_tests, {}))
    polls.push_back(std::move(t));
  for (const auto* n : core->just_ended())
    node->counts.ended(*n);
  count_changes();
  answer_polls();
  if (core->starved() && may_claim() && !std::exchange(slots_asked, true))
    self->send(at.deliver, slots_atom_v, account_actor{self});
  if (!drains.empty() && core->in_flight() == 0 && ended.empty()) {
    if (core->unsaved()) {
      save_asked = true;
    } else {
      for (auto& d : std::exchange(drains, {}))
        d.deliver(true);
    }
  }
  if (!inputs.empty() && !reserving)
    urgent = true;
  turn();
  if (!committing)
    set_timer();
}

/// The batch is not on disk. Its requests are told so; its outcomes are kept, and the account starts again
/// from what is on disk.
void account_state::refused(const std::string& why) {
  config::log(config::log_level::warning, "the store refused a change",
              {{"account", limits.name}, {"error", why}});
  for (auto& a : std::exchange(answers, {}))
    a.to.deliver(refusal(why));
  for (auto& in : std::exchange(reads, {}))
    inputs.push_back(std::move(in));
  for (auto& t : std::exchange(new_tests, {}))
    t.to.deliver(refusal(why));
  ended.insert(ended.begin(), std::make_move_iterator(ended_in_batch.begin()),
               std::make_move_iterator(ended_in_batch.end()));
  ended_in_batch.clear();
  released_in_batch = false;
  // Slots of claims that were not made go back.
  node->slots.release(core->undone_claims());
  core.reset();
  // No wake of before counts any more, so the next one is set whenever it is due.
  ++timer;
  timer_at.reset();
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(retry_delay), load_atom_v);
}

account_actor::behavior_type account_behavior(account_actor::stateful_pointer<account_state> self,
                                              services_ptr node, account_neighbours at, settings_ptr limits) {
  self->state.start(std::move(node), std::move(at), std::move(limits));
  return {
      [self](request_ptr& r) { return self->state.request(std::move(r)); },
      [self](open_request_list_ptr& list) { self->state.requests(std::move(*list)); },
      [self](const commit_receipt& receipt) { self->state.proposed(receipt); },
      [self](outcome_vector& list) { self->state.outcomes(std::move(list)); },
      [self](const settings_ptr& changed) { self->state.configure(*changed); },
      [self](wake_atom, std::uint64_t timer) { self->state.wake(timer); },
      [self](slots_atom) {
        self->state.slots_came = true;
        self->state.slots_asked = false;
        self->state.turn();
      },
      [self](load_atom) { self->state.load(); },
      [self](drain_atom) { return self->state.drain(); },
      [self](close_atom) { return self->state.close(); },
      [self](open_atom) { self->state.open(); },
      [self](lost_atom) { self->state.lost(); },
      [self](resume_atom) { self->state.give_up_elsewhere(); },
      [self](left_atom) { self->state.left(); },
      [self](idle_atom, std::uint64_t timer) { self->state.idle(timer); },
  };
}

} // namespace carillon::actors
