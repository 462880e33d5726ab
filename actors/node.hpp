#pragma once

#include "actors/catalog_requests.hpp"
#include "actors/open_request.hpp"
#include "actors/services.hpp"
#include "config/settings.hpp"
#include "crypto/aead.hpp"
#include "domain/ids.hpp"
#include "net/egress_policy.hpp"
#include "storage/catalog.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace carillon::actors {

struct cluster_view; // cluster_view.hpp
using cluster_view_ptr = std::shared_ptr<const cluster_view>;
struct lag_report; // shard_lag.hpp

/// A running node without its HTTP side: store, actors and delivery engines. This is all that `api/` sees of
/// them; CAF stays inside.
class node {
public:
  using catalog_callback = std::function<void(catalog_reply)>;

  /// Opens the store and starts the actors. Throws std::runtime_error (store_error and others) that says what
  /// is wrong. `fatal` is called, from any thread, when the disk failed and the process must end.
  node(std::shared_ptr<const config::settings> settings, crypto::key_ring keys,
       std::function<void(std::string)> fatal);
  /// Stops without ceremony; `drain` before it for an orderly end.
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Asks accounts; thread-safe. Each is answered exactly once, on whichever thread and maybe before this returns: with
  /// the reply, or with a request_error: 404 `not-found` (no such account), 429 `too-many-requests` (the account's
  /// share of what waits for commit is used up), 503 `overloaded` (the node's is, or the timeout passed), 503
  /// `draining`, 503 `store-full`.
  void ask(ask_list list);

  /// Changes the catalog; the callback comes when it is durable.
  void change(catalog_request what, catalog_callback done);

  /// After a restore; `accounts` are names or "*".
  void release(bool send, std::vector<std::string> accounts, catalog_callback done);

  /// Puts new settings in force: limits of all accounts, egress, trust anchors, a member's certificates. Throws,
  /// keeping the old, when they can't be used.
  void reload(std::shared_ptr<const config::settings> settings);

  /// Seals with the first of these master keys from now on, and opens with all of them.
  void replace_keys(const crypto::key_ring& keys);

  /// From now on nothing is claimed and new requests get 503 `draining`; returns when nothing is in flight
  /// and everything is saved, or after `timeout`. True when it was orderly. In a cluster the node first hands over
  /// what it serves, and takes requests until it has; outcomes of its POSTs are brought to where the accounts are.
  bool drain(std::chrono::milliseconds timeout);

  // --- in a cluster ---

  bool clustered() const;
  /// Who answers for something: this node, another that can be reached, or nobody at the moment.
  struct place {
    enum class kind : std::uint8_t { here, there, nowhere } is = kind::here;
    std::string node; ///< with `there`
  };
  place where(domain::account_id account) const;
  place where(domain::shard_id shard) const;
  /// Has another node answer a request. The callback comes on an actor's thread, exactly once: with the answer,
  /// or with nothing when the node went or took too long; then, if it was sent, what was asked may have been done.
  void forward(std::string to, std::string request, std::chrono::milliseconds timeout,
               std::function<void(std::optional<std::string>, bool sent)> done);
  /// How requests are answered that another node forwards to this one.
  void answer_forwarded_by(std::function<void(std::string, std::function<void(std::string)>)> how);
  /// Rises when accounts, keys or tokens changed through another node.
  std::uint64_t catalog_changes() const;
  /// Whether this node's copy of them is complete and may be judged by. Not before it has been level with the others' or while it is being filled, nor once
  /// this node has reached nobody for a while who could have removed it: a key may be revoked by then.
  bool catalog_is_current() const;
  /// How far this node's copy of them is.
  std::uint64_t catalog_applied() const;
  /// What this node knows of its cluster; null when nothing yet, or on a node alone.
  cluster_view_ptr cluster_state() const;
  /// Asks the nodes of such a picture of the cluster how far the members of their shards are (`survey_lag`).
  void ask_lag(cluster_view_ptr view, std::function<void(lag_report)> done);

  const storage::store& store() const;
  storage::catalog catalog() const;
  std::shared_ptr<const config::settings> settings() const;
  std::shared_ptr<const net::egress_policy> egress() const;
  metrics& counts();
  bool draining() const;
  bool held() const; ///< restored, not released

  /// Copies the store into an empty directory while it runs. Throws store_error.
  void backup(const std::string& directory);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::actors
