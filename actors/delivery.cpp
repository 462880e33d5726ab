#include "actors/delivery.hpp"

#include <utility>

namespace carillon::actors {

delivery_actor::behavior_type delivery(delivery_actor::stateful_pointer<delivery_state> self,
                                       std::shared_ptr<delivery_desk> desk) {
  self->state.desk = std::move(desk);
  return {
      [self](slots_atom, account_actor& who) { self->state.desk->wait_for_slots(std::move(who)); },
      [self](resume_atom, domain::account_id account, const outcome_taker& owner) {
        return self->state.desk->resume(account, owner);
      },
  };
}

} // namespace carillon::actors
