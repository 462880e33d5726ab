#pragma once

#include "coordination/shard_map.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// What the replicas of one shard say to each other. A message may be lost, come late or twice; it never comes
/// damaged.
namespace carillon::replication {

using coordination::node_id;

/// Counts the changes of a shard's configuration; only grows.
using epoch = std::uint64_t;

/// A row of the log: two logs that have the same row at a seq are equal up to it.
struct row_id {
  epoch at = 0; ///< in which it was first written
  std::uint64_t seq = 0;
  bool operator==(const row_id&) const = default;
};

/// One row as it is stored and shipped.
struct log_entry {
  row_id id;
  std::string row;    ///< the log row's value
  std::string staged; ///< table writes to be applied once the row is committed; empty: none
};

/// Primary to member: I lead from this epoch on; promise it, and say where you stand.
struct lead {
  epoch at = 0;
};

/// Member to primary: what I have. Answers `lead`, and an `append` that does not fit.
struct standing {
  epoch at = 0;
  row_id last;
  std::uint64_t applied = 0; ///< everything up to it is committed and in the tables
  bool whole = false;        ///< log and tables are complete up to `last`
  row_id base;               ///< of the `reset` that this life of the node did last
  std::uint64_t copy = 0;    ///< the copy that followed, as `snapshot_part` numbers it
  std::uint64_t parts = 0;   ///< of that
  std::uint64_t shipped = 0; ///< up to it the rows of this epoch, or of the one before, came from the asker; 0: none did
};

/// Member to whoever asked: I have promised a later epoch, or this one to somebody else.
struct refused {
  epoch promised = 0;
};

/// Primary to member: these rows follow `previous`. Without rows it tells only what is committed.
struct append {
  epoch at = 0;
  row_id previous;
  std::uint64_t committed = 0;
  std::vector<log_entry> rows;
};

/// Member to primary: my log is durable up to `last` and equals yours.
struct appended {
  epoch at = 0;
  std::uint64_t last = 0;
};

/// Primary to a node whose log doesn't meet its own: forget yours; rows will follow `base`, and the state up
/// to a row behind it in parts.
struct reset {
  epoch at = 0;
  row_id base;
};

/// Primary to a node that was reset: rows of the tables as they stood when `through` was applied.
struct snapshot_part {
  epoch at = 0;
  row_id through;
  std::uint64_t copy = 0;  ///< grows with each copy that is begun in an epoch: parts of two never mix
  std::uint64_t index = 0; ///< from 0, in order
  bool last = false;
  std::string rows; ///< `storage/shard_copy.hpp`
};

/// Node to primary: that part is durable.
struct installed {
  epoch at = 0;
  std::uint64_t copy = 0;
  std::uint64_t index = 0;
  bool whole = false; ///< it was the last
};

using message =
    std::variant<lead, standing, refused, append, appended, reset, snapshot_part, installed>;

} // namespace carillon::replication
