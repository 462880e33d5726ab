#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "config/settings.hpp"
#include "coordination/configuration_store.hpp"
#include "net/node_link.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace carillon::actors {

/// The actors by which a node is a member of a cluster, and what they stand on.
class cluster {
public:
  /// Makes the store one of the cluster's, or founds the cluster with it; waits for the configuration store as
  /// long as it takes when that isn't known yet, and says so in the log. Throws std::runtime_error when the
  /// store can't belong to it, or a file or address can't be used.
  cluster(const config::settings& settings, storage::store& store);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// Spawns them. The directory and the sweeper must be there, without shards.
  void start(caf::actor_system& system, const services_ptr& node, const writer_actor& writer,
             const directory_actor& directory, const sweeper_actor& sweeper);

  /// Reads the links' certificate, key and CA again, for new links. Throws, keeping the old, when they can't be
  /// used.
  void reload_certificates() { links_->reload(); }

  /// Hands everything over and leaves; false when something stayed.
  bool leave(caf::actor_system& system, std::chrono::milliseconds timeout);
  /// Has its peers pass no more requests to this node; returns when those that they had passed are answered, or
  /// each had so much time.
  void say_goodbye(caf::actor_system& system, const cluster_view& view, std::chrono::milliseconds timeout);
  /// Waits until outcomes of accounts that are other nodes' now have arrived there; false after `timeout`.
  bool bring_outcomes(caf::actor_system& system, std::chrono::milliseconds timeout);
  /// Ends the actors.
  void stop();

  const forwarder_actor& forwarder() const { return forwarder_; }
  const entry_actor& entry() const { return entry_; }

private:
  void found_or_join(storage::store& store);

  config::cluster_settings settings_;
  std::shared_ptr<coordination::configuration_store> configuration_;
  std::shared_ptr<net::node_links> links_;
  std::string self_, founder_;
  std::vector<replica_actor> replicas_;
  replica_actor system_;
  courier_actor courier_;
  entry_actor entry_;
  forwarder_actor forwarder_;
  placement_actor placement_;
};

} // namespace carillon::actors
