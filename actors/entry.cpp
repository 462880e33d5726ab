#include "actors/entry.hpp"

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
    self->send(system, replicate_atom_v, from, std::move(bytes));
  else if (shard < replicas.size())
    self->send(replicas[shard], replicate_atom_v, from, std::move(bytes));
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

entry_actor::behavior_type entry(entry_actor::stateful_pointer<entry_state> self, services_ptr node,
                                 std::vector<replica_actor> replicas, replica_actor system) {
  self->state.node = std::move(node);
  self->state.replicas = std::move(replicas);
  self->state.system = std::move(system);
  return {
      [self](replicate_atom, const std::string& from, std::uint16_t shard, std::string& bytes,
             const std::string& boot, std::int64_t boot_ns) {
        self->state.heard(from, shard, std::move(bytes), boot, boot_ns);
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
