#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace carillon::actors {

struct entry_neighbours {
  std::vector<replica_actor> replicas; ///< by shard
  replica_actor system;
  directory_actor directory;
  courier_actor courier;
  forwarder_actor forwarder;
};

/// What peers talk to over CAF: passes on to this node's actors.
struct entry_state {
  explicit entry_state(entry_actor::pointer actor) : self{actor} {}

  void ended(domain::account_id account, const std::string& outcomes);
  caf::result<std::string> lag();

  entry_actor::pointer self;
  services_ptr node;
  entry_neighbours at;

  static inline const char* name = "entry";
};

entry_actor::behavior_type entry(entry_actor::stateful_pointer<entry_state> self, services_ptr node,
                                 entry_neighbours at);

} // namespace carillon::actors
