#include "actors/entry.hpp"

#include "actors/deleted_account.hpp"
#include "actors/outcome_codec.hpp"

#include <utility>

namespace carillon::actors {

void entry_state::ended(domain::account_id account, const std::string& outcomes) {
  self->send(at.directory, account, decode_outcomes(outcomes, account, domain::boot_clock::now()));
}

entry_actor::behavior_type entry(entry_actor::stateful_pointer<entry_state> self, services_ptr node,
                                 entry_neighbours at) {
  self->state.node = std::move(node);
  self->state.at = std::move(at);
  return {
      [self](resume_atom, const std::string& heir, std::uint64_t account) {
        return self->delegate(self->state.at.courier, resume_atom_v, heir, domain::account_id{account});
      },
      [self](resume_atom, std::uint64_t account, const std::string& outcomes) {
        self->state.ended(domain::account_id{account}, outcomes);
        return true;
      },
      [self](erased_atom, std::uint64_t account) {
        const auto found = look_at_deleted(self->state.node->store, domain::account_id{account});
        return found.is == deleted_account::stage::erased;
      },
      [self](leave_atom, const std::string& who) {
        return self->delegate(self->state.at.forwarder, leave_atom_v, who);
      },
  };
}

} // namespace carillon::actors
