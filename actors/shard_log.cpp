#include "actors/shard_log.hpp"

#include "account/account.hpp"
#include "storage/catalog.hpp"
#include "storage/keys.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace carillon::actors {

row_sink into(writer_actor writer) {
  return [to = std::move(writer)](proposed_row row) { caf::anon_send(to, std::move(row)); };
}

shard_log::shard_log(services_ptr node, domain::shard_id shard, row_sink to)
    : node_{std::move(node)}, shard_{shard}, write_{std::move(to)} {}

void shard_log::open() {
  const std::lock_guard lock{guard_};
  next_seq_ = node_->reader.next_seq(shard_);
  if (shard_ == domain::system_shard)
    return; // its tables are written in the same commit as its rows: nothing is replayed
  std::unordered_map<std::uint64_t, log_tail::places> found;
  node_->reader.scan(shard_, node_->reader.replay_from(shard_), [&](const storage::logged_batch& b) {
    found[raw(b.account)].push_back({b.seq, b.offset, static_cast<std::uint32_t>(b.entries.size())});
  });
  const storage::catalog catalog{node_->store};
  // Who saved itself after its last row needs no replay, and must not hold the mark back.
  std::erase_if(found, [&](const auto& entry) {
    const auto& [account, places] = entry;
    const auto saved = node_->reader.get(storage::key(shard_, storage::row_kind::account, account));
    // Erased: nobody will ever load it. In a cluster, the catalog here may not know it yet.
    if (!node_->cluster() && !catalog.find_account(domain::account_id{account}))
      return true;
    return saved && account::saved_seq(*saved) >= places.back().seq;
  });
  for (const auto& [account, places] : found)
    unsaved_.emplace(account, places.front().seq);
  node_->source.tail.keep(shard_, next_seq_, std::move(found));
}

void shard_log::propose(domain::batch b, receipt_sink done) {
  storage::log_row row;
  {
    const std::lock_guard lock{guard_};
    gathering_.push_back({std::move(b), std::move(done)});
    if (!committing_.empty())
      return;
    row = next_row();
  }
  send(std::move(row));
}

storage::log_row shard_log::next_row() {
  storage::log_row row;
  row.shard = shard_;
  row.seq = next_seq_;
  row.stamp = node_->store.stamp();
  row.batches.reserve(gathering_.size());
  for (auto& p : gathering_) {
    committing_.push_back({p.what.account, !p.what.entries.empty(), p.what.checkpoint, std::move(p.done)});
    row.batches.push_back(std::move(p.what));
  }
  gathering_.clear();
  return row;
}

void shard_log::send(storage::log_row row) {
  write_({std::move(row), [me = shared_from_this()](const storage::row_result& result) { me->row_done(result); }});
}

void shard_log::row_done(const storage::row_result& result) {
  std::vector<ordered> done;
  storage::log_row next;
  {
    const std::lock_guard lock{guard_};
    if (result.written)
      next_seq_ = result.seq + 1;
    done = std::exchange(committing_, {});
    for (std::size_t i = 0; i < done.size(); ++i) {
      if (!result.batches[i].ok)
        continue;
      if (done[i].checkpoint) {
        unsaved_.erase(raw(done[i].account));
        node_->source.tail.forget(shard_, done[i].account);
      }
      if (done[i].logged)
        unsaved_.try_emplace(raw(done[i].account), result.seq);
    }
    if (!gathering_.empty())
      next = next_row();
  }
  if (!next.batches.empty())
    send(std::move(next));
  for (std::size_t i = 0; i < done.size(); ++i) {
    const auto& fared = result.batches[i];
    done[i].done({fared.ok, done[i].logged ? result.seq : 0, fared.offset, fared.error});
  }
}

std::uint64_t shard_log::tail_of(domain::account_id account) const {
  const std::lock_guard lock{guard_};
  const auto it = unsaved_.find(raw(account));
  return it == unsaved_.end() ? 0 : it->second;
}

std::vector<std::uint64_t> shard_log::unsaved() const {
  const std::lock_guard lock{guard_};
  std::vector<std::uint64_t> accounts;
  for (const auto& [account, seq] : unsaved_)
    accounts.push_back(account);
  return accounts;
}

std::uint64_t shard_log::replay_from() const {
  const std::lock_guard lock{guard_};
  auto from = next_seq_;
  for (const auto& [account, seq] : unsaved_)
    from = std::min(from, seq);
  return from;
}

} // namespace carillon::actors
