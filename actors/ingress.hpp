#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace carillon::actors {

/// Brings requests to their accounts and answers back. Remembers where accounts live; holds the admission
/// credit: what waits for commit is bounded in bytes, for the node and for each account, and what is over is
/// refused at once.
struct ingress_state {
  explicit ingress_state(ingress_actor::pointer actor) : self{actor} {}
  void start(services_ptr services, directory_actor directory);

  void take(domain::account_id account, request_ptr what, ask_ptr from);
  void take_all(asked_list list);
  void gone(const caf::actor_addr& who);

  void find(domain::account_id account, request_ptr what, ask_ptr from, bool again);
  /// Counts it, or answers that there is no room.
  bool admit(domain::account_id account, const ask_ptr& from);
  void forward_all(const account_actor& to, domain::account_id account, std::vector<asked> list);
  void forward(const account_actor& to, domain::account_id account, request_ptr what, ask_ptr from,
               bool again);
  void failed(domain::account_id account, const request_ptr& what, const ask_ptr& from, bool again,
              const caf::error& why);
  void answer(domain::account_id account, const ask_ptr& from, account::reply what);
  void finish(const ask_ptr& from, account::reply what);
  void check_deadlines();

  ingress_actor::pointer self;
  services_ptr node;
  directory_actor directory;
  std::unordered_map<std::uint64_t, account_actor> known;
  std::unordered_map<caf::actor_id, std::uint64_t> by_actor;
  std::unordered_map<std::uint64_t, std::size_t> waiting; ///< bytes of an account's requests under way
  std::size_t waiting_total = 0;
  std::multimap<domain::boot_time, std::weak_ptr<ask>>
      deadlines; ///< of requests under way; entries of others lapse

  static inline const char* name = "ingress";
};

ingress_actor::behavior_type ingress(ingress_actor::stateful_pointer<ingress_state> self, services_ptr node,
                                     directory_actor directory);

} // namespace carillon::actors
