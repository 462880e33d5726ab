#include "actors/shard.hpp"

#include "account/account.hpp"
#include "storage/catalog.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace carillon::actors {

namespace {

/// Subscription ids that are taken from the store at once.
constexpr std::uint64_t id_block = 64;

std::string id_counter_key(domain::shard_id s) {
  return storage::key(s, storage::row_kind::counter, std::string_view{"subscription"});
}

} // namespace

void shard_state::start(services_ptr services, domain::shard_id number, row_sink_actor to) {
  node = std::move(services);
  shard = number;
  write = std::move(to);
  next_seq = node->reader.next_seq(shard);
  written_mark = node->reader.replay_from(shard);
  if (const auto counter = node->reader.get(id_counter_key(shard)))
    next_id = reserved_ids = storage::unframe_u64(*counter).value_or(1);
  if (shard == domain::system_shard)
    return; // its tables are written in the same commit as its rows: nothing is replayed
  std::unordered_map<std::uint64_t, log_tail::places> found;
  node->reader.scan(shard, written_mark, [&](const storage::logged_batch& b) {
    found[raw(b.account)].push_back({b.seq, b.offset, static_cast<std::uint32_t>(b.entries.size())});
  });
  const storage::catalog catalog{node->store};
  // Who saved itself after its last row needs no replay, and must not hold the mark back.
  std::erase_if(found, [&](const auto& entry) {
    const auto& [account, places] = entry;
    const auto saved = node->reader.get(storage::key(shard, storage::row_kind::account, account));
    if (!catalog.find_account(domain::account_id{account}))
      return true; // erased: nobody will ever load it
    return saved && account::saved_seq(*saved) >= places.back().seq;
  });
  for (const auto& [account, places] : found)
    unsaved.emplace(account, places.front().seq);
  node->source.tail.keep(shard, next_seq, std::move(found));
}

shard_tail shard_state::tail_of(domain::account_id account) const {
  const auto it = unsaved.find(raw(account));
  return {it == unsaved.end() ? 0 : it->second};
}

caf::result<commit_receipt> shard_state::propose(domain::batch b) {
  gathering.push_back({std::move(b), self->make_response_promise<commit_receipt>()});
  auto answer = gathering.back().answer;
  if (committing.empty())
    send_row();
  return answer;
}

void shard_state::send_row() {
  committing = std::exchange(gathering, {});
  storage::log_row row;
  row.shard = shard;
  row.seq = next_seq;
  row.stamp = node->store.stamp();
  row.batches.reserve(committing.size());
  for (auto& p : committing) {
    // The row takes the bytes; what is needed afterwards stays.
    domain::batch taken = std::move(p.what);
    p.what = {taken.account, taken.entries.empty() ? "" : "-", {}, taken.checkpoint};
    row.batches.push_back(std::move(taken));
  }
  self->request(write, caf::infinite, std::move(row))
      .then([this](const storage::row_result& result) { row_done(result); },
            [this](const caf::error& why) { row_lost(why); });
}

void shard_state::row_done(const storage::row_result& result) {
  if (result.written)
    next_seq = result.seq + 1;
  auto done = std::exchange(committing, {});
  for (std::size_t i = 0; i < done.size(); ++i) {
    const auto& batch = done[i].what;
    const auto& fared = result.batches[i];
    const bool logged = !batch.entries.empty();
    if (fared.ok && batch.checkpoint) {
      unsaved.erase(raw(batch.account));
      node->source.tail.forget(shard, batch.account);
    }
    if (fared.ok && logged)
      unsaved.try_emplace(raw(batch.account), result.seq);
    done[i].answer.deliver(commit_receipt{fared.ok, logged ? result.seq : 0, fared.offset, fared.error});
  }
  if (!gathering.empty())
    send_row();
}

void shard_state::row_lost(const caf::error& why) {
  for (auto& p : std::exchange(committing, {}))
    p.answer.deliver(commit_receipt{false, 0, 0, "the store's writer is gone: " + caf::to_string(why)});
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

std::uint64_t shard_state::replay_from() const {
  auto from = next_seq;
  for (const auto& [account, seq] : unsaved)
    from = std::min(from, seq);
  return from;
}

caf::result<std::uint64_t> shard_state::mark() {
  const auto from = replay_from();
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
                                 domain::shard_id number, row_sink_actor write) {
  self->state.start(std::move(node), number, std::move(write));
  return {
      [self](propose_atom, domain::batch& b) { return self->state.propose(std::move(b)); },
      [self](reserve_atom) { return self->state.reserve(); },
      [self](tail_atom, domain::account_id account) { return self->state.tail_of(account); },
      [self](unsaved_atom) {
        std::vector<std::uint64_t> accounts;
        for (const auto& [account, seq] : self->state.unsaved)
          accounts.push_back(account);
        return accounts;
      },
      [self](release_atom) { return self->delegate(self->state.write, release_atom_v); },
      [self](mark_atom) { return self->state.mark(); },
  };
}

} // namespace carillon::actors
