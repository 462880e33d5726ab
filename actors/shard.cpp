#include "actors/shard.hpp"

#include "storage/framed_value.hpp"
#include "storage/keys.hpp"

#include <caf/send.hpp>

#include <utility>

namespace carillon::actors {

namespace {

/// Subscription ids that are taken from the store at once.
constexpr std::uint64_t id_block = 64;

std::string id_counter_key(domain::shard_id s) {
  return storage::key(s, storage::row_kind::counter, std::string_view{"subscription"});
}

} // namespace

void shard_state::start(services_ptr services, domain::shard_id number, writer_actor writer, row_sink to) {
  node = std::move(services);
  shard = number;
  write = std::move(writer);
  log = std::make_shared<shard_log>(node, number, std::move(to));
  log->open();
  written_mark = node->reader.replay_from(shard);
  if (const auto counter = node->reader.get(id_counter_key(shard)))
    next_id = reserved_ids = storage::unframe_u64(*counter).value_or(1);
}

caf::result<commit_receipt> shard_state::propose(domain::batch b) {
  auto answer = self->make_response_promise<commit_receipt>();
  const auto which = ++last_proposal;
  proposals.emplace(which, answer);
  log->propose(std::move(b), [me = shard_actor{self}, which](const commit_receipt& receipt) {
    caf::anon_send(me, which, receipt);
  });
  return answer;
}

void shard_state::proposed(std::uint64_t which, const commit_receipt& receipt) {
  if (auto proposal = proposals.extract(which); !proposal.empty())
    proposal.mapped().deliver(receipt);
}

caf::result<std::uint64_t> shard_state::reserve() {
  const auto shards = std::uint64_t{node->store.identity().shards};
  const auto id = next_id++ * shards + raw(shard);
  if (next_id <= reserved_ids)
    return id;
  reserved_ids = next_id + id_block;
  domain::batch b;
  b.tables.push_back({id_counter_key(shard), storage::frame_u64(reserved_ids), false});
  auto answer = self->make_response_promise<std::uint64_t>();
  self->request(shard_actor{self}, caf::infinite, propose_atom_v, std::move(b))
      .then(
          [this, answer, id](const commit_receipt& r) mutable {
            if (r.ok) {
              answer.deliver(id);
            } else {
              reserved_ids = next_id - 1; // the next one tries again
              answer.deliver(caf::make_error(caf::sec::runtime_error, r.error));
            }
          },
          [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  return answer;
}

caf::result<std::uint64_t> shard_state::mark() {
  const auto from = log->replay_from();
  if (from == written_mark)
    return from;
  domain::batch b;
  b.tables.push_back({storage::key(shard, storage::row_kind::mark), storage::frame_u64(from), false});
  auto answer = self->make_response_promise<std::uint64_t>();
  self->request(shard_actor{self}, caf::infinite, propose_atom_v, std::move(b))
      .then(
          [this, answer, from](const commit_receipt& r) mutable {
            if (r.ok)
              written_mark = from;
            answer.deliver(written_mark);
          },
          [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  return answer;
}

shard_actor::behavior_type shard(shard_actor::stateful_pointer<shard_state> self, services_ptr node,
                                 domain::shard_id number, writer_actor writer, row_sink to) {
  self->state.start(std::move(node), number, std::move(writer), std::move(to));
  return {
      [self](propose_atom, domain::batch& b) { return self->state.propose(std::move(b)); },
      [self](reserve_atom) { return self->state.reserve(); },
      [self](std::uint64_t which, const commit_receipt& receipt) { self->state.proposed(which, receipt); },
      [self](tail_atom, domain::account_id account) {
        return shard_tail{self->state.log->tail_of(account), self->state.log};
      },
      [self](unsaved_atom) { return self->state.log->unsaved(); },
      [self](release_atom) { return self->delegate(self->state.write, release_atom_v); },
      [self](mark_atom) { return self->state.mark(); },
  };
}

} // namespace carillon::actors
