#include "actors/ingress.hpp"

#include "actors/error.hpp"
#include "config/defaults.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;

/// How late a timeout may come.
constexpr auto deadline_check = 250ms;

/// Calls `each` with an account and its requests, in their order, for all accounts of the list.
template <class Each>
void by_account(ask_list list, Each each) {
  std::stable_sort(list.begin(), list.end(),
                   [](const ask_ptr& a, const ask_ptr& b) { return raw(a->account) < raw(b->account); });
  for (auto first = list.begin(); first != list.end();) {
    const auto account = (*first)->account;
    const auto last = std::find_if(first, list.end(), [&](const ask_ptr& a) { return a->account != account; });
    each(account, ask_list{std::make_move_iterator(first), std::make_move_iterator(last)});
    first = last;
  }
}

account::request_error why_not_found(const caf::error& e) {
  if (e == ec::no_such_account)
    return {404, "not-found", "there is no such account", {}, 0};
  if (e == ec::not_served)
    return {503, "no-quorum", "no node of the cluster serves this account at the moment", {}, 1, true};
  return {503, "overloaded", caf::to_string(e), {}, 1};
}

struct clerk_state {
  std::shared_ptr<ingress> door;
  directory_actor directory;
  std::unordered_map<caf::actor_id, domain::account_id> watched; ///< account actors

  static inline const char* name = "ingress_clerk";
};

void find(ingress_clerk_actor::stateful_pointer<clerk_state> self, domain::account_id account, ask_list waiting) {
  self->request(self->state.directory, caf::infinite, lookup_atom_v, account)
      .then(
          [self, account, waiting](const account_actor& at) {
            if (self->state.watched.emplace(at->id(), account).second)
              self->monitor(at);
            self->state.door->found(account, at, waiting);
          },
          [self, waiting](const caf::error& e) {
            for (const auto& each : waiting)
              self->state.door->answered(each, why_not_found(e));
          });
}

ingress_clerk_actor::behavior_type clerk(ingress_clerk_actor::stateful_pointer<clerk_state> self,
                                         std::shared_ptr<ingress> door, directory_actor directory) {
  self->state.door = std::move(door);
  self->state.directory = std::move(directory);
  self->set_down_handler([self](caf::down_msg& down) {
    const auto at = self->state.watched.find(down.source.id());
    if (at == self->state.watched.end())
      return;
    self->state.door->gone(at->second, down.source);
    self->state.watched.erase(at);
  });
  return {
      [self](ask_list& list) {
        by_account(std::move(list), [self](domain::account_id account, ask_list waiting) {
          find(self, account, std::move(waiting));
        });
      },
      [self](wake_atom) {
        if (self->state.door->check_deadlines())
          self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(deadline_check), wake_atom_v);
      },
  };
}

} // namespace

ingress_clerk_actor ingress::open(caf::actor_system& system, directory_actor where) {
  return clerk_ = system.spawn(clerk, shared_from_this(), std::move(where));
}

std::optional<account::request_error> ingress::admit(const ask_ptr& one) {
  if (node_->draining)
    return account::request_error{503, "draining", "this node is shutting down", {}, 5};
  const auto share = waiting_.find(raw(one->account));
  if (share != waiting_.end() && share->second + one->cost > config::defaults::ingress_bytes_per_account)
    return account::request_error{
        429, "too-many-requests", "too much of this account's is waiting to be made durable; send slower", {}, 1};
  if (waiting_total_ + one->cost > config::defaults::ingress_bytes_total)
    return account::request_error{
        503, "overloaded", "too much is waiting to be made durable on this node; try again", {}, 1};
  waiting_[raw(one->account)] += one->cost;
  waiting_total_ += one->cost;
  if (deadlines_.empty())
    caf::anon_send(clerk_, wake_atom_v);
  deadlines_.emplace(domain::boot_clock::now() + one->timeout, one);
  return std::nullopt;
}

void ingress::take(ask_list list) {
  by_account(std::move(list), [this](domain::account_id account, ask_list asks) {
    std::vector<std::pair<ask_ptr, account::request_error>> refused;
    account_actor to;
    {
      const std::lock_guard lock{guard_};
      std::erase_if(asks, [&](const ask_ptr& one) {
        auto why_not = admit(one);
        if (why_not)
          refused.emplace_back(one, std::move(*why_not));
        return why_not.has_value();
      });
      if (const auto at = known_.find(raw(account)); at != known_.end())
        to = at->second;
    }
    for (auto& [one, why] : refused)
      std::exchange(one->done, nullptr)(std::move(why));
    if (asks.empty())
      return;
    if (to)
      bring(to, std::move(asks));
    else
      caf::anon_send(clerk_, std::move(asks));
  });
}

void ingress::bring(const account_actor& to, ask_list list) {
  auto open = std::make_shared<open_request_list>();
  open->reserve(list.size());
  for (auto& one : list)
    open->emplace_back(shared_from_this(), std::move(one));
  caf::anon_send(to, std::move(open));
}

/// Whoever asked hears once: from the account, or that it took too long. What the request holds stays counted
/// until the account is done with it.
void ingress::answered(const ask_ptr& by, account::reply reply) {
  std::function<void(account::reply)> done;
  {
    const std::lock_guard lock{guard_};
    waiting_total_ -= by->cost;
    const auto share = waiting_.find(raw(by->account));
    if (share != waiting_.end() && (share->second -= by->cost) == 0)
      waiting_.erase(share);
    done = std::exchange(by->done, nullptr);
  }
  if (done)
    done(std::move(reply));
}

void ingress::came_back(ask_ptr unread) {
  {
    const std::lock_guard lock{guard_};
    known_.erase(raw(unread->account));
  }
  if (std::exchange(unread->came_back, true))
    answered(unread, account::request_error{503, "overloaded", "the account's actor stopped again", {}, 1});
  else
    caf::anon_send(clerk_, ask_list{std::move(unread)});
}

void ingress::found(domain::account_id account, const account_actor& at, ask_list waiting) {
  {
    const std::lock_guard lock{guard_};
    known_.insert_or_assign(raw(account), at);
  }
  bring(at, std::move(waiting));
}

void ingress::gone(domain::account_id account, const caf::actor_addr& who) {
  const std::lock_guard lock{guard_};
  const auto at = known_.find(raw(account));
  if (at != known_.end() && at->second->id() == who.id())
    known_.erase(at);
}

bool ingress::check_deadlines() {
  std::vector<std::function<void(account::reply)>> late;
  bool any = false;
  {
    const std::lock_guard lock{guard_};
    const auto now = domain::boot_clock::now();
    while (!deadlines_.empty()) {
      const auto one = deadlines_.begin()->second.lock();
      if (one && deadlines_.begin()->first > now)
        break;
      if (one && one->done)
        late.push_back(std::exchange(one->done, nullptr));
      deadlines_.erase(deadlines_.begin());
    }
    any = !deadlines_.empty();
  }
  for (const auto& done : late)
    done(account::request_error{
        503, "overloaded", "the account did not answer in time; what was asked may still happen", {}, 1});
  return any;
}

} // namespace carillon::actors
