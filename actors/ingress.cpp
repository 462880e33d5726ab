#include "actors/ingress.hpp"

#include "actors/error.hpp"
#include "config/defaults.hpp"

#include <algorithm>
#include <utility>

namespace carillon::actors {

namespace {
using namespace std::chrono_literals;
/// How late a timeout may come.
constexpr auto deadline_check = 250ms;
} // namespace

void ingress_state::start(services_ptr services, directory_actor where) {
  node = std::move(services);
  directory = std::move(where);
  self->set_down_handler([this](caf::down_msg& down) { gone(down.source); });
}

bool ingress_state::admit(domain::account_id account, const ask_ptr& from) {
  const auto refuse = [&](account::request_error why) {
    from->done(std::move(why));
    return false;
  };
  if (node->draining)
    return refuse({503, "draining", "this node is shutting down", {}, 5});
  const auto share = waiting.find(raw(account));
  if (share != waiting.end() && share->second + from->cost > config::defaults::ingress_bytes_per_account)
    return refuse({429,
                   "too-many-requests",
                   "too much of this account's is waiting to be made durable; send slower",
                   {},
                   1});
  if (waiting_total + from->cost > config::defaults::ingress_bytes_total)
    return refuse(
        {503, "overloaded", "too much is waiting to be made durable on this node; try again", {}, 1});
  waiting[raw(account)] += from->cost;
  waiting_total += from->cost;
  deadlines.emplace(domain::boot_clock::now() + from->timeout, from);
  if (deadlines.size() == 1)
    self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(deadline_check),
                       wake_atom_v);
  return true;
}

void ingress_state::take(domain::account_id account, request_ptr what, ask_ptr from) {
  if (!admit(account, from))
    return;
  const auto it = known.find(raw(account));
  if (it != known.end())
    forward(it->second, account, std::move(what), std::move(from), true);
  else
    find(account, std::move(what), std::move(from), true);
}

/// Each account gets its own in one message; only events, whose answers come together: others may wait long.
void ingress_state::take_all(asked_list list) {
  const auto joins = [this](const asked& a) {
    return std::holds_alternative<account::submit_events>(*a.what) && known.contains(raw(a.account));
  };
  std::stable_sort(list.begin(), list.end(),
                   [](const asked& a, const asked& b) { return raw(a.account) < raw(b.account); });
  for (auto first = list.begin(); first != list.end();) {
    const auto account = first->account;
    std::vector<asked> together;
    for (; first != list.end() && first->account == account; ++first)
      if (!joins(*first))
        take(account, std::move(first->what), std::move(first->from));
      else if (admit(account, first->from))
        together.push_back(std::move(*first));
    if (!together.empty())
      forward_all(known.at(raw(account)), account, std::move(together));
  }
}

void ingress_state::forward_all(const account_actor& to, domain::account_id account,
                                std::vector<asked> list) {
  if (list.size() == 1)
    return forward(to, account, std::move(list.front().what), std::move(list.front().from), true);
  auto requests = std::make_shared<request_list>();
  for (const auto& one : list)
    requests->push_back(one.what);
  const auto sent = std::make_shared<const asked_list>(std::move(list));
  self->request(to, caf::infinite, std::move(requests))
      .then(
          [=, this](const reply_list_ptr& replies) {
            for (std::size_t i = 0; i < sent->size(); ++i)
              answer(account, (*sent)[i].from, std::move(*(*replies)[i]));
          },
          [=, this](const caf::error& e) {
            for (const auto& one : *sent)
              failed(account, one.what, one.from, true, e);
          });
}

/// `again`: the account's actor may turn out to have just left, then it is looked up once more.
void ingress_state::find(domain::account_id account, request_ptr what, ask_ptr from, bool again) {
  self->request(directory, caf::infinite, lookup_atom_v, account)
      .then(
          [=, this](const account_actor& found) {
            if (known.emplace(raw(account), found).second) {
              by_actor.emplace(found->id(), raw(account));
              self->monitor(found);
            }
            forward(found, account, what, from, again);
          },
          [=, this](const caf::error& e) {
            if (e == ec::no_such_account)
              answer(account, from,
                     account::request_error{404, "not-found", "there is no such account", {}, 0});
            else if (e == ec::not_served)
              answer(account, from,
                     account::request_error{503,
                                            "no-quorum",
                                            "no node of the cluster serves this account at the moment",
                                            {},
                                            1,
                                            true});
            else
              answer(account, from, account::request_error{503, "overloaded", caf::to_string(e), {}, 1});
          });
}

void ingress_state::forward(const account_actor& to, domain::account_id account, request_ptr what,
                            ask_ptr from, bool again) {
  self->request(to, caf::infinite, what)
      .then([=, this](const reply_ptr& r) { answer(account, from, std::move(*r)); },
            [=, this](const caf::error& e) { failed(account, what, from, again, e); });
}

void ingress_state::failed(domain::account_id account, const request_ptr& what, const ask_ptr& from,
                           bool again, const caf::error& why) {
  // An actor that left took nothing more out of its mailbox: nothing of this request was decided.
  const bool left = why == caf::sec::request_receiver_down;
  if (left && again) {
    known.erase(raw(account));
    find(account, what, from, false);
  } else {
    answer(account, from, account::request_error{503, "overloaded", caf::to_string(why), {}, 1});
  }
}

void ingress_state::answer(domain::account_id account, const ask_ptr& from, account::reply what) {
  waiting_total -= from->cost;
  if (const auto it = waiting.find(raw(account)); it != waiting.end()) {
    it->second -= from->cost;
    if (it->second == 0)
      waiting.erase(it);
  }
  finish(from, std::move(what));
}

/// Whoever asked hears once: from the account, or that it took too long. What the request holds stays counted
/// until the account is done with it.
void ingress_state::finish(const ask_ptr& from, account::reply what) {
  if (auto done = std::exchange(from->done, nullptr))
    done(std::move(what));
}

void ingress_state::check_deadlines() {
  const auto now = domain::boot_clock::now();
  while (!deadlines.empty()) {
    const auto from = deadlines.begin()->second.lock();
    if (from && deadlines.begin()->first > now)
      break;
    if (from)
      finish(from,
             account::request_error{503,
                                    "overloaded",
                                    "the account did not answer in time; what was asked may still happen",
                                    {},
                                    1});
    deadlines.erase(deadlines.begin());
  }
  if (!deadlines.empty())
    self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(deadline_check),
                       wake_atom_v);
}

void ingress_state::gone(const caf::actor_addr& who) {
  const auto it = by_actor.find(who.id());
  if (it == by_actor.end())
    return;
  if (const auto k = known.find(it->second); k != known.end() && k->second->id() == who.id())
    known.erase(k);
  by_actor.erase(it);
}

ingress_actor::behavior_type ingress(ingress_actor::stateful_pointer<ingress_state> self, services_ptr node,
                                     directory_actor directory) {
  self->state.start(std::move(node), std::move(directory));
  return {
      [self](domain::account_id account, request_ptr& what, ask_ptr& from) {
        self->state.take(account, std::move(what), std::move(from));
      },
      [self](asked_list& list) { self->state.take_all(std::move(list)); },
      [self](wake_atom) { self->state.check_deadlines(); },
  };
}

} // namespace carillon::actors
