#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace carillon::actors {

/// After a handover this node's POSTs of the account go on; whoever has it now hears of their outcomes.
struct outcome_courier_state {
  explicit outcome_courier_state(courier_actor::pointer actor) : self{actor} {}

  caf::result<std::string> resume(const std::string& heir, domain::account_id account);
  void take(const outcome_vector& outcomes);
  caf::result<bool> drain();
  void arrived();

  courier_actor::pointer self;
  services_ptr node;
  directory_actor directory;
  std::unordered_map<std::uint64_t, std::string> heirs; ///< by account, the node that asked for its outcomes last
  std::size_t on_their_way = 0; ///< messages that no heir has answered yet
  std::vector<caf::typed_response_promise<bool>> drains;

  static inline const char* name = "outcome_courier";
};

courier_actor::behavior_type outcome_courier(courier_actor::stateful_pointer<outcome_courier_state> self,
                                             services_ptr node, directory_actor directory);

} // namespace carillon::actors
