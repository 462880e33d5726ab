#pragma once

#include "actors/cluster_view.hpp"
#include "actors/interfaces.hpp"
#include "actors/peer_mail.hpp"
#include "actors/services.hpp"
#include "config/settings.hpp"
#include "coordination/configuration_store.hpp"
#include "net/node_link.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace carillon::actors {

/// The hosts at which the cluster knows its nodes: what links are checked against. Thread-safe.
class known_hosts {
public:
  bool knows(const net::link_hello& peer) const;
  void replace(std::map<std::string, std::vector<std::string>> hosts);

private:
  mutable std::mutex guard_;
  std::map<std::string, std::vector<std::string>> hosts_; ///< by node
};

struct placement_setup {
  config::cluster_settings settings;
  std::string self, founder; ///< stores' UUIDs
  std::string address;       ///< what others are told: `cluster.advertise`, or where the links listen
  std::shared_ptr<coordination::configuration_store> configuration;
  std::shared_ptr<net::node_links> links; ///< not started
  std::shared_ptr<const peer_mail> mail;
  entry_actor entry;
  forwarder_actor forwarder;
  writer_actor writer;
  std::vector<replica_actor> replicas; ///< by shard
  replica_actor system;
};

/// The node's picture of its cluster.
struct placement_state {
  explicit placement_state(placement_actor::pointer actor) : self{actor} {}
  /// The links end with it: they hold their actor, which would keep its system waiting.
  ~placement_state();
  void start(services_ptr services, placement_setup given);

  void peer_up(const std::string& who, std::uint64_t link, const caf::strong_actor_ptr& entry);
  void peer_down(const std::string& who, std::uint64_t link, const std::string& why);
  void link_failed(const std::string& who, const std::string& why, bool soon);
  void follow_configuration();
  void watched(const coordination::watch_report& report);
  void registered(const registry_news& news);
  void tick();
  caf::result<bool> leave();

  void register_node();
  coordination::swap_request own_entry() const;
  void put_entry();
  coordination::revision replaceable(const coordination::entry& there, std::string& twin) const;
  bool is_ours(const coordination::watch_report& report);
  void take_in(const coordination::change& one);
  void dial_those_missing();
  bool catalog_is_sure() const;
  void vouch_for_catalog();
  void publish();
  template <class What>
  void to_replicas(const What& what) {
    for (const auto& replica : at.replicas)
      self->send(replica, what);
    self->send(at.system, what);
  }
  std::vector<coordination::placement_step> steps() const;
  void save_clocks();
  void save_members();
  void write(std::vector<domain::table_write> rows);
  void hand_all_over();
  void withdraw();

  placement_actor::pointer self;
  services_ptr node;
  placement_setup at;
  peers_actor peers;
  std::shared_ptr<known_hosts> hosts;
  std::unique_ptr<coordination::ongoing> watch, lease_kept;
  coordination::lease_id lease = 0;
  coordination::revision entry_revision = 0; ///< of this node's entry, as last seen

  std::map<domain::shard_id, replication::versioned> shards;
  std::map<coordination::node_id, coordination::node_registration> nodes;
  struct link {
    std::uint64_t number = 0;
    entry_actor entry;
  };
  std::map<coordination::node_id, link> links;
  std::set<coordination::node_id> leavers; ///< that are still linked: nothing is given to them
  caf::typed_response_promise<bool> leave_answer;
  std::map<coordination::node_id, domain::boot_time> dial_at; ///< not before; absent: being dialed, or linked
  domain::boot_time register_at{}, clocks_saved{};
  bool registering = false, following = false, changed = false, left = false;
  bool members_changed = false; ///< and are not written down yet
  int ticks = 0;
  bool in_cluster = false;  ///< its entry was there, in this life
  bool ours = false;        ///< the configuration store holds this cluster, as far as was told
  bool passed_over = false; ///< something was told while it didn't
  bool vouched = false;     ///< for the catalog, in this life

  static inline const char* name = "placement";
};

placement_actor::behavior_type placement(placement_actor::stateful_pointer<placement_state> self,
                                         services_ptr node, placement_setup given);

} // namespace carillon::actors
