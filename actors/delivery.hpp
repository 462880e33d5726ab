#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "net/delivery_engine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace carillon::actors {

/// Knows which account an engine's outcome belongs to, gives the node's slots back, and tells who waits for
/// one.
struct delivery_state {
  explicit delivery_state(delivery_actor::pointer actor) : self{actor} {}

  void submit(std::vector<net::delivery_job> jobs, const account_actor& owner);
  void ended(std::vector<net::delivery_outcome> outcomes);
  void wait_for_slots(account_actor who);
  std::vector<std::uint64_t> resume(domain::account_id account, const account_actor& owner);

  delivery_actor::pointer self;
  services_ptr node;
  std::shared_ptr<net::delivery_engine> engine;

  struct owner_entry {
    account_actor actor;
    std::unordered_set<std::uint64_t> in_flight; ///< tokens of its jobs
  };
  std::unordered_map<std::uint64_t, owner_entry> owners; ///< accounts with jobs in this engine
  std::deque<account_actor> hungry;                      ///< wait for slots, in the order they asked

  static inline const char* name = "delivery";
};

delivery_actor::behavior_type delivery(delivery_actor::stateful_pointer<delivery_state> self,
                                       services_ptr node, std::shared_ptr<net::delivery_engine> engine);

} // namespace carillon::actors
