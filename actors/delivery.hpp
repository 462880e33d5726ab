#pragma once

#include "actors/delivery_desk.hpp"
#include "actors/interfaces.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace carillon::actors {

/// What accounts ask of an engine's desk by message, so that the answer comes behind the outcomes that were
/// told before it.
struct delivery_state {
  explicit delivery_state(delivery_actor::pointer) {}

  std::shared_ptr<delivery_desk> desk;

  static inline const char* name = "delivery";
};

delivery_actor::behavior_type delivery(delivery_actor::stateful_pointer<delivery_state> self,
                                       std::shared_ptr<delivery_desk> desk);

} // namespace carillon::actors
