#pragma once

#include "actors/cluster_view.hpp"
#include "actors/interfaces.hpp"
#include "actors/peer_mail.hpp"
#include "actors/services.hpp"
#include "actors/shard_lag.hpp"
#include "coordination/configuration_store.hpp"
#include "replication/replica.hpp"
#include "storage/replica_rows.hpp"
#include "storage/shard_copy.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::actors {

class replica_seat; // replica_seat.hpp

/// What was decided must be committed within this time, and what another node handed over must have ended there:
/// else the shard isn't handed over now.
inline constexpr std::chrono::seconds close_patience{20};

/// What a replica acts on.
struct replica_neighbours {
  domain::shard_id shard{};
  writer_actor writer;
  directory_actor directory;
  sweeper_actor sweeper;
  std::shared_ptr<coordination::configuration_store> configuration;
  link_sender send;
  /// As `net::node_links::goes_both_ways`.
  std::function<bool(std::uint64_t link, std::chrono::milliseconds within)> goes_both_ways;
  std::string cluster, self; ///< `cluster.name`, this store's UUID
  std::size_t min_replicas = 2;
};

/// One shard's replica on this node. The protocol is `replication::replica`'s; this is its disk, its links and
/// its configuration store, and the node's judgement of when to take over, to drop a silent member, to take a
/// new one in, or to hand the shard over.
///
/// Knows nothing of threads: all calls go through its seat, which makes them one at a time.
struct replica_state : replication::ports {
  replica_state(services_ptr services, replica_neighbours around, std::weak_ptr<replica_seat> own);
  /// It is over: serves nothing more.
  void end();

  void take_row(proposed_row proposed);
  void heard(const std::string& from, const std::string& bytes);
  void changed(cluster_view_ptr now);
  void told(const configuration_news& news);
  void tick();
  void look_again();
  void swapped();
  /// Whether the shard's accounts are closed for the handover that began then.
  void accounts_closed(std::int64_t began, bool all);
  void leave();
  shard_lag_ptr lag() const;

  /// Lets the protocol know the time, when it was told long ago.
  void wake_up();
  /// Looks again soon while something is under way that time may change.
  void settle();
  bool settled() const;

  // ports
  void send(const replication::node_id& to, replication::message what) override;
  void save(const replication::promise& what) override;
  void put(std::uint64_t after, std::vector<replication::log_entry> rows) override;
  void apply(std::uint64_t through) override;
  void reset(const replication::row_id& base, replication::epoch at) override;
  void install(const replication::snapshot_part& part) override;
  std::optional<replication::epoch> epoch_of(std::uint64_t seq) const override;
  std::vector<replication::log_entry> rows(std::uint64_t from, std::size_t bytes) const override;
  replication::snapshot_part next_part(const replication::node_id& to, std::uint64_t index) override;
  void end_copy(const replication::node_id& to) override;
  void swap(const coordination::shard_configuration& next, coordination::revision expected) override;
  void read_configuration() override;
  void begin_serving() override;
  void end_serving() override;
  void committed(std::uint64_t through) override;
  void outrun(const replication::node_id& by, std::uint64_t row) override;

  void configured(const replication::versioned& known);

  // the node's judgement (replica_judgement.cpp)
  void judge();
  void judge_as_primary();
  void judge_as_member();
  bool seems_dead(const replication::node_id& node) const;
  /// Whether it can be given a place beside this node now: rows wait for it from then on.
  bool may_fill(const replication::node_id& node) const;
  void with_spare(coordination::shard_configuration& next) const;
  void hand_over(const replication::node_id& to);
  void hand_over_failed();
  void left(bool orderly);
  void give_up_handover();
  std::chrono::milliseconds time() const;

  /// A write that waits for the one under way, planned when its turn comes: what it reads is then on the disk.
  using plan = std::function<std::vector<domain::table_write>()>;
  /// `done`: the fault point that is reached once it is durable.
  void write(plan what, std::string_view done = {});
  void write_next();
  void written(const storage::batch_result& receipt);
  void note_catalog();

  std::weak_ptr<replica_seat> seat;
  replica_actor front; ///< its actor
  services_ptr node;
  replica_neighbours at;
  cluster_view_ptr view;
  replication::node_id led_before; ///< the last primary that wasn't this node
  std::optional<replication::replica> core;
  shard_actor shard; ///< while it serves

  struct planned_write {
    plan what;
    std::string_view done;
  };
  std::deque<planned_write> writes;
  bool writing = false; ///< the first of them
  storage::replica_progress progress;
  std::uint64_t disk_last = 0; ///< newest log row of those that are written or asked to be

  /// Rows that shards wait for, oldest first.
  struct waiting_row {
    std::uint64_t seq = 0;
    storage::row_result result;
    std::function<void(const storage::row_result&)> done;
  };
  std::deque<waiting_row> waiting;
  /// The newest rows of this shard, so that they needn't be read back to be shipped.
  std::deque<replication::log_entry> recent;
  std::size_t recent_bytes = 0;

  struct copy_under_way {
    std::unique_ptr<storage::shard_copy> from;
    std::uint64_t index = 0;
    replication::snapshot_part part; ///< as sent last
    std::uint64_t done = 0;          ///< bytes of the parts before that, which are durable there
  };
  std::map<replication::node_id, copy_under_way> copies;

  /// When members were last seen to be reachable, or when this node began to look.
  std::map<replication::node_id, std::chrono::milliseconds> seen;
  struct handover {
    replication::node_id to;
    bool closed = false;
    std::chrono::milliseconds since{0};
  };
  std::optional<handover> leaving;
  std::chrono::milliseconds read_at{0}, asked_at{0}; ///< of the configuration, for a takeover
  std::chrono::milliseconds ticked_at{0};
  bool looks = false; ///< before long
  bool node_leaves = false; ///< whatever this replica leads is for others
  bool leave_asked = false; ///< and not answered
};

} // namespace carillon::actors
