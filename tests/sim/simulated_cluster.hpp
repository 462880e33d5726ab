#pragma once

#include "committed_history.hpp"
#include "replication/replica.hpp"
#include "seeded_random.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

namespace carillon::sim {

using coordination::node_id;
using coordination::revision;
using coordination::shard_configuration;

/// Simulated time, in microseconds.
using micros = std::uint64_t;
constexpr micros operator""_ms(unsigned long long n) {
  return n * 1000;
}

/// A fault in the product that the simulation emulates: each must be found.
enum class planted_bug : std::uint8_t {
  none,
  acknowledges_before_durable, ///< a member's answer is told when the rows were only sent
  ignores_epochs,              ///< a member takes rows of any epoch and answers whoever sent them
  forgets_promises,            ///< a promise doesn't survive a crash
  applies_uncommitted,         ///< table writes are done with the row, not once it is committed
  swaps_blindly,               ///< a swap that failed is repeated with the revision that is there
  believes_copies_whole,       ///< a copy counts as whole with its first part
  loses_staged_writes,         ///< rows are shipped without what is staged of them
};
const char* to_string(planted_bug bug);
inline constexpr int planted_bugs = 8;

/// How often things happened that a run of many seeds must have seen, lest it proves less than it seems to.
struct coverage {
  std::uint64_t takeovers = 0, handovers = 0, renewals = 0, filled = 0, replaced_rows = 0, resets = 0, copies = 0,
                wipes = 0, lost_writes = 0, posts_by_deposed = 0;
  void add(const coverage& other);
  /// The name of what never happened; null when all did.
  const char* missing() const;
};

class simulated_cluster;

/// One machine: a disk, and while it is up a replica of the shard and who uses it.
class simulated_node : public replication::ports {
public:
  simulated_node(simulated_cluster& world, int index);

  // replication::ports
  void send(const node_id& to, replication::message what) override;
  void save(const replication::promise& what) override;
  void put(std::uint64_t after, std::vector<log_entry> rows) override;
  void apply(std::uint64_t through) override;
  void reset(const row_id& base, replication::epoch at) override;
  void install(const replication::snapshot_part& part) override;
  std::optional<replication::epoch> epoch_of(std::uint64_t seq) const override;
  std::vector<log_entry> rows(std::uint64_t from, std::size_t bytes) const override;
  replication::snapshot_part next_part(const node_id& to, std::uint64_t index) override;
  void end_copy(const node_id& to) override;
  void swap(const shard_configuration& next, revision expected) override;
  void read_configuration() override;
  void begin_serving() override;
  void end_serving() override;
  void committed(std::uint64_t through) override;
  void outrun(const node_id& by, std::uint64_t row) override;

  void start();
  void crash();
  void pause();
  void resume();
  /// An empty disk, and so another node.
  void wipe();
  /// Runs what happens to the node: at once, after its pause, or never when it crashed since `life`.
  void happen(int life, std::function<void()> what);
  void erase_old_rows();

  node_id id;
  int life = 0;
  bool up = false, paused = false;
  micros crashed_at = 0, slow_disk_until = 0, cut_from_store_until = 0;
  disk_image disk;  ///< what is durable
  disk_image ahead; ///< what it will be after the writes under way
  std::unique_ptr<replication::replica> core;

private:
  friend class simulated_cluster;
  /// What a row in the log is for the one who proposed it.
  struct proposal {
    std::optional<std::uint64_t> event, claim;
  };

  void write(std::function<void(disk_image&)> what);
  void flush();
  void tick();
  void decide();
  void decide_as_primary(const shard_configuration& now);
  void take_over(const shard_configuration& now);
  void propose();
  void read_for_policy();
  void observe();
  bool silent(const node_id& who);
  std::optional<node_id> spare(const shard_configuration& now);

  simulated_cluster& world_;
  int index_;
  int wiped_ = 0;
  std::deque<std::function<void()>> deferred_;
  std::deque<std::function<void(disk_image&)>> writes_;
  bool flushing_ = false;
  std::map<node_id, std::vector<replication::snapshot_part>> copies_;
  std::map<node_id, micros> heard_;
  bool serving_ = false;
  bool absent_ = false; ///< a read has told that there is no configuration
  std::map<std::uint64_t, proposal> proposed_;
  std::set<std::uint64_t> unclaimed_;
  std::uint64_t seen_committed_ = 0;
  bool seen_whole_ = true;
  std::optional<node_id> handing_to_;
  micros handing_until_ = 0;
  std::map<node_id, std::pair<node_id, replication::epoch>> ignored_; ///< planted_bug::ignores_epochs
};

/// Some nodes, their network, the store of their configuration, their clients and what goes wrong; all of it
/// follows from the seed.
class simulated_cluster {
public:
  simulated_cluster(std::uint64_t seed, planted_bug bug, bool trace);

  /// Faults for some seconds, then none until all is well again. Throws a violation.
  void run();

  std::uint64_t events_run() const { return events_run_; }
  const committed_history& history() const { return history_; }
  const coverage& seen() const { return seen_; }
  std::uint64_t epochs() const { return stored_.value.epoch; }

private:
  friend class simulated_node;
  struct event {
    micros at = 0;
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator<(const event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void after(micros delay, std::function<void()> what);
  void run_until(const std::function<bool()>& done, micros deadline);
  void say(const std::string& who, const std::string& what);
  bool tracing() const { return trace_; }

  void transmit(const node_id& from, const node_id& to, std::optional<replication::message> what);
  void deliver(const node_id& from, const node_id& to, const std::optional<replication::message>& what);
  bool cut(const node_id& from, const node_id& to) const;

  void swap_arrives(const shard_configuration& next, revision expected);
  void tell_change();
  void check_members();

  void next_fault();
  void heal();
  bool settled();
  simulated_node* find(const node_id& who);

  seeded_random random_;
  planted_bug bug_;
  bool trace_;
  micros now_ = 0;
  std::uint64_t order_ = 0, events_run_ = 0;
  std::priority_queue<event> events_;
  std::vector<std::unique_ptr<simulated_node>> nodes_;
  std::size_t wanted_ = 2;
  replication::replica_settings settings_;
  bool calm_ = false, clients_ = true;
  std::uint64_t loss_ = 0, duplication_ = 0, lateness_ = 0; ///< per mille of messages
  std::map<std::pair<std::string, std::string>, micros> cuts_;
  replication::versioned stored_; ///< the shard's key
  revision revisions_ = 0;
  micros store_down_until_ = 0;
  committed_history history_;
  coverage seen_;
  std::map<std::pair<replication::epoch, std::uint64_t>, log_entry> proposed_; ///< every row ever proposed
  std::uint64_t next_number_ = 1;
};

} // namespace carillon::sim
