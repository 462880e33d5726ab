#include "actors/entry.hpp"

#include "actors/deleted_account.hpp"
#include "actors/lag_survey.hpp"
#include "actors/outcome_codec.hpp"

#include <caf/send.hpp>

#include <memory>
#include <utility>

namespace carillon::actors {

void entry_state::ended(domain::account_id account, const std::string& outcomes) {
  self->send(at.directory, account, decode_outcomes(outcomes, account, domain::boot_clock::now()));
}

/// A replica that takes too long is left out.
caf::result<std::string> entry_state::lag() {
  struct gathering {
    caf::typed_response_promise<std::string> answer;
    std::size_t waiting;
    std::vector<shard_lag> told;

    void take(const shard_lag_ptr& one) {
      if (one)
        told.push_back(*one);
      if (--waiting == 0)
        answer.deliver(encode_lag(told));
    }
  };
  auto all = std::make_shared<gathering>(
      gathering{self->make_response_promise<std::string>(), at.replicas.size() + 1, {}});
  const auto ask = [this, &all](const replica_actor& replica) {
    self->request(replica, lag_patience_of_entry, lag_atom_v)
        .then([all](const shard_lag_ptr& one) { all->take(one); }, [all](const caf::error&) { all->take(nullptr); });
  };
  for (const auto& replica : at.replicas)
    ask(replica);
  ask(at.system);
  return all->answer;
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
      [self](lag_atom) { return self->state.lag(); },
  };
}

} // namespace carillon::actors
