#include "actors/entry.hpp"

#include "actors/deleted_account.hpp"
#include "actors/outcome_codec.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace carillon::actors {

void entry_state::heard(const std::string& from, std::uint16_t shard, std::string bytes, const std::string& boot,
                        std::int64_t boot_ns) {
  domain::foreign_clocks::reading seen;
  if (boot.size() != seen.boot.size())
    return;
  std::copy(boot.begin(), boot.end(), seen.boot.begin());
  seen.theirs = domain::boot_time{std::chrono::nanoseconds{boot_ns}};
  seen.ours = node->store.stamp();
  // Two nodes of one machine share its clock.
  if (seen.boot != seen.ours.boot_id)
    node->clocks.note(seen);
  if (shard == raw(domain::system_shard))
    self->send(at.system, replicate_atom_v, from, std::move(bytes));
  else if (shard < at.replicas.size())
    self->send(at.replicas[shard], replicate_atom_v, from, std::move(bytes));
}

caf::result<std::string> entry_state::forwarded(std::string request) {
  auto answer = self->make_response_promise<std::string>();
  const auto handler = node->forwarded_handler();
  if (!handler) {
    answer.deliver(caf::make_error(caf::sec::runtime_error));
    return answer;
  }
  const auto ticket = next_ticket++;
  asked.emplace(ticket, answer);
  handler(std::move(request), [me = entry_actor{self}, ticket](std::string response) {
    caf::anon_send(me, forward_atom_v, ticket, std::move(response));
  });
  return answer;
}

void entry_state::ended(domain::account_id account, const std::string& outcomes) {
  self->send(at.directory, account, decode_outcomes(outcomes, account, domain::boot_clock::now()));
}

entry_actor::behavior_type entry(entry_actor::stateful_pointer<entry_state> self, services_ptr node,
                                 entry_neighbours at) {
  self->state.node = std::move(node);
  self->state.at = std::move(at);
  return {
      [self](replicate_atom, const std::string& from, std::uint16_t shard, std::string& bytes,
             const std::string& boot, std::int64_t boot_ns) {
        self->state.heard(from, shard, std::move(bytes), boot, boot_ns);
      },
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
      [self](forward_atom, std::string& request) { return self->state.forwarded(std::move(request)); },
      [self](forward_atom, std::uint64_t ticket, std::string& response) {
        const auto it = self->state.asked.find(ticket);
        if (it == self->state.asked.end())
          return;
        it->second.deliver(std::move(response));
        self->state.asked.erase(it);
      },
  };
}

} // namespace carillon::actors
