#pragma once

#include "account/event_budget.hpp"
#include "account/settings.hpp"
#include "account/source.hpp"
#include "actors/log_tail.hpp"
#include "actors/message_types.hpp"
#include "actors/metrics.hpp"
#include "config/settings.hpp"
#include "domain/foreign_clocks.hpp"
#include "crypto/aead.hpp"
#include "net/slot_pool.hpp"
#include "storage/log_reader.hpp"
#include "storage/store.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace carillon::net {
class egress_policy;
}

namespace carillon::actors {

/// The store as accounts read it.
class store_source final : public account::source {
public:
  explicit store_source(const storage::store& s) : reader_{s} {}

  std::optional<std::string> get(std::string_view key) const override { return reader_.get(key); }
  std::vector<std::pair<std::string, std::string>> range(std::string_view prefix, std::string_view start,
                                                         std::size_t limit, bool descending) const override {
    return reader_.range(prefix, start, limit, descending);
  }
  std::vector<std::optional<std::pair<std::string, std::string>>>
  at_or_before(const std::vector<std::string>& keys) const override {
    return reader_.at_or_before(keys);
  }
  std::optional<std::string> read_event(domain::shard_id shard,
                                        const domain::event_ref& where) const override {
    return reader_.read_event(shard, where);
  }
  void replay(domain::shard_id shard, domain::account_id account, std::uint64_t after,
              const std::function<void(std::uint64_t, std::uint32_t, const domain::time_stamp&,
                                       std::string_view)>& visit) const override {
    const auto [places, from] = tail.behind(shard, account, after);
    const auto pass_on = [&](const storage::logged_batch& b) {
      if (b.account == account)
        visit(b.seq, b.offset, b.stamp, b.entries);
    };
    reader_.revisit(shard, account, places, pass_on);
    reader_.scan(shard, from, pass_on);
  }

  log_tail tail; ///< filled by the shards at their start

private:
  storage::log_reader reader_;
};

/// What a node's actors share: thread-safe, made before the first actor and gone after the last.
struct services {
  services(storage::store& s, crypto::key_ring k, std::shared_ptr<const config::settings> c,
           std::shared_ptr<const net::egress_policy> p)
      : store{s}, source{s}, reader{s}, keys{std::move(k)}, slots{c->delivery.total}, config_{std::move(c)},
        policy_{std::move(p)} {}

  storage::store& store;
  store_source source;
  storage::log_reader reader;
  crypto::key_ring keys;
  net::slot_pool slots;
  account::event_budget parsed_events{std::uint64_t{32} << 20}; ///< of all accounts' pending notifications
  metrics counts;
  std::atomic<bool> draining{false}; ///< no new claims, no new requests
  std::atomic<bool> held{false};     ///< the store was restored and not released yet
  std::atomic<std::uint64_t> catalog_changes{0}; ///< that came from another node of the cluster
  /// In a cluster: whether the catalog here has been level with the others' since this node started, or was filled.
  std::atomic<bool> catalog_known{false};
  std::atomic<std::uint64_t> catalog_applied{0}; ///< newest row of the catalog's log that is in its tables
  /// Until then this node's copy of the catalog may be judged by: PLACEMENT puts it off as long as it is sure
  /// that nothing is committed without this node.
  std::atomic<domain::boot_time> catalog_good_until{domain::boot_time{}};
  /// In a cluster: whether the accounts and keys here are what they are now.
  bool catalog_is_current() const {
    return catalog_known && domain::boot_clock::now() < catalog_good_until.load();
  }
  domain::foreign_clocks clocks;                 ///< of the other nodes

  /// How the API answers a request that another node received; the callback may come on any thread.
  using answer_forwarded = std::function<void(std::string, std::function<void(std::string)>)>;
  answer_forwarded forwarded_handler() const {
    const std::lock_guard lock{guard_};
    return forwarded_;
  }
  void answer_forwarded_by(answer_forwarded how) {
    const std::lock_guard lock{guard_};
    forwarded_ = std::move(how);
  }

  /// What this node knows of its cluster; null on a node alone.
  cluster_view_ptr cluster() const {
    const std::lock_guard lock{guard_};
    return cluster_;
  }
  void know(cluster_view_ptr now) {
    const std::lock_guard lock{guard_};
    cluster_ = std::move(now);
  }

  /// Called when nothing may be acknowledged any more (the disk failed); ends the process.
  std::function<void(std::string)> fatal;

  /// The settings in force; a reload replaces them.
  std::shared_ptr<const config::settings> config() const {
    const std::lock_guard lock{guard_};
    return config_;
  }
  std::shared_ptr<const net::egress_policy> policy() const {
    const std::lock_guard lock{guard_};
    return policy_;
  }
  void reload(std::shared_ptr<const config::settings> c, std::shared_ptr<const net::egress_policy> p) {
    const std::lock_guard lock{guard_};
    config_ = std::move(c);
    policy_ = std::move(p);
  }

private:
  mutable std::mutex guard_;
  std::shared_ptr<const config::settings> config_;
  std::shared_ptr<const net::egress_policy> policy_;
  answer_forwarded forwarded_;
  cluster_view_ptr cluster_;
};

using services_ptr = std::shared_ptr<services>;

} // namespace carillon::actors
