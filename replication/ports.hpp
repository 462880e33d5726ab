#pragma once

#include "coordination/configuration_store.hpp"
#include "replication/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace carillon::replication {

/// From an epoch on a member follows this candidate only. Durable before anybody hears of it.
struct promise {
  epoch at = 0;
  node_id candidate;
  bool operator==(const promise&) const = default;
};

/// What a replica finds on its disk when it starts.
struct stored_state {
  promise promised;
  row_id last;               ///< newest row of the log; seq 0: none
  /// Of the copy that was begun last: its rows follow this one. It stays known when the copy is whole: else its primary
  /// would take it for a copy from before, and have it reset with rows that were acknowledged.
  row_id base;
  std::uint64_t applied = 0; ///< staged writes are in the tables up to it; never behind the last row
  epoch reset_in = 0;        ///< of the leader that asked for that copy, or completed it
  bool whole = true;         ///< false between a `reset` and the end of the copy
  std::uint64_t last_staged = 0; ///< newest row whose staged writes wait; 0: none
};

/// A shard's configuration and the revision that a swap compares.
struct versioned {
  coordination::shard_configuration value;
  coordination::revision at = 0; ///< 0: the key is absent
};

/// What a replica acts on. A running node has actors, LMDB and etcd behind it, a simulation its own.
///
/// Writes are done in the order of their calls, each whole or not at all, and each is answered by
/// `replica::stored` once it is durable. A write that fails ends the process; after that nothing is answered.
class ports {
public:
  virtual ~ports() = default;

  /// May be lost.
  virtual void send(const node_id& to, message what) = 0;

  virtual void save(const promise& what) = 0;
  /// Erases the rows after `after` with what is staged of them, then puts these.
  virtual void put(std::uint64_t after, std::vector<log_entry> rows) = 0;
  /// Does the table writes that are staged for rows up to `through`, and remembers that. They stay beside their
  /// row as long as it does: a member that comes back needs both.
  virtual void apply(std::uint64_t through) = 0;
  /// Becomes an incomplete copy: erases the log with what is staged, and remembers base and epoch.
  virtual void reset(const row_id& base, epoch at) = 0;
  /// Puts a part of the copy; the first one erases all else but the log behind `base` with what is staged. With
  /// the last one the copy is whole, and applied up to `through`: what is staged for rows up to it counts as done.
  virtual void install(const snapshot_part& part) = 0;

  /// The epoch of a row; nothing when it isn't there (any more).
  virtual std::optional<epoch> epoch_of(std::uint64_t seq) const = 0;
  /// Rows from this seq on, in order and without a gap, about so many bytes, at least one; none when the one of
  /// this seq isn't there (any more). Retention never erases the newest row whose table writes are done.
  virtual std::vector<log_entry> rows(std::uint64_t from, std::size_t bytes) const = 0;
  /// The next part of the copy that this node is sent: the tables, and the log up to what is applied with what was
  /// staged of it. With index 0 it begins anew, from how they are now. `at` and `copy` are filled in by the replica.
  virtual snapshot_part next_part(const node_id& to, std::uint64_t index) = 0;
  /// No more parts for this node.
  virtual void end_copy(const node_id& to) = 0;

  /// Compare-and-swap of the shard's configuration. Answered by `replica::swapped`, whatever came of it.
  virtual void swap(const coordination::shard_configuration& next, coordination::revision expected) = 0;
  /// Linearizable read. Answered by `replica::configured`, or by `replica::not_configured` when it failed.
  virtual void read_configuration() = 0;

  /// From now on rows may be proposed.
  virtual void begin_serving() = 0;
  /// Nothing may be proposed any more; rows that were not told to be committed may or may not be.
  virtual void end_serving() = 0;
  /// Every member that counts has these rows, and their table writes are done here.
  virtual void committed(std::uint64_t through) = 0;
  /// This node leads, and a member has rows up to `row` that were committed, or that this node sent it itself, and that
  /// aren't here: an old disk was put back. Nothing may be proposed, ever: the node must end, so that another full member
  /// leads.
  virtual void outrun(const node_id& by, std::uint64_t row) = 0;
};

} // namespace carillon::replication
