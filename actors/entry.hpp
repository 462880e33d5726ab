#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace carillon::actors {

struct entry_neighbours {
  std::vector<replica_actor> replicas; ///< by shard
  replica_actor system;
  directory_actor directory;
  courier_actor courier;
  forwarder_actor forwarder;
};

/// What peers talk to: passes on to this node's replicas and accounts, and has the API answer what another node
/// received.
struct entry_state {
  explicit entry_state(entry_actor::pointer actor) : self{actor} {}

  void heard(const std::string& from, std::uint16_t shard, std::string bytes, const std::string& boot,
             std::int64_t boot_ns);
  caf::result<std::string> forwarded(std::string request);
  void ended(domain::account_id account, const std::string& outcomes);

  entry_actor::pointer self;
  services_ptr node;
  entry_neighbours at;
  std::uint64_t next_ticket = 1;
  std::unordered_map<std::uint64_t, caf::typed_response_promise<std::string>> asked;

  static inline const char* name = "entry";
};

entry_actor::behavior_type entry(entry_actor::stateful_pointer<entry_state> self, services_ptr node,
                                 entry_neighbours at);

} // namespace carillon::actors
