#pragma once

#include "domain/log_position.hpp"
#include "storage/lmdb.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How a replica of a shard stands on this node's disk. Its log rows are those of a node alone; the table
/// writes of a row are staged beside it until every member has the row. Plans only read; the writer commits
/// them, each as one batch without entries.
namespace carillon::storage {

/// A log row's number and the epoch in which it was written.
struct row_place {
  std::uint64_t epoch = 0, seq = 0;
  bool operator==(const row_place&) const = default;
};

struct replica_promise {
  std::uint64_t epoch = 0;
  std::string candidate;
};

struct replica_progress {
  std::uint64_t applied = 0; ///< staged writes of rows up to this one are done
  bool whole = true;         ///< log and tables are complete
  row_place base;            ///< of the copy that was begun last, also when it is whole
  std::uint64_t reset_in = 0; ///< the epoch in which that was begun, or completed
};

struct replica_on_disk {
  replica_promise promise;
  replica_progress progress;
  row_place last;                ///< newest log row; its number stays known when retention erased it
  std::uint64_t last_staged = 0; ///< newest row whose staged writes are not done; 0: none
};

/// What one shard's replica finds at a start. A shard of a node that was alone until now is a whole copy.
/// Throws store_error when a row is damaged.
replica_on_disk read_replica(const store& s, domain::shard_id shard);
/// The same of any file; `name` is what errors call it.
replica_on_disk read_replica(const read_transaction& txn, domain::shard_id shard, const std::string& name);

/// A row as it is shipped.
struct shipped_row {
  row_place place;
  std::string_view row;    ///< a log row's value
  std::string_view staged; ///< `encode_table_writes`; empty: none
};

std::string encode_table_writes(std::span<const domain::table_write> writes);
/// Nothing when it can't be read.
std::optional<std::vector<domain::table_write>> decode_table_writes(std::string_view text);

/// The epoch of a log row; nothing when there is none of this number.
std::optional<std::uint64_t> epoch_of_row(const store& s, domain::shard_id shard, std::uint64_t seq);

/// A row and what is staged of it, as read back for shipping.
struct stored_row {
  row_place place;
  std::string row, staged;
};
/// Rows from `from` on without gaps, until `bytes` are reached; at least one when there is one.
std::vector<stored_row> read_rows(const store& s, domain::shard_id shard, std::uint64_t from, std::size_t bytes);

std::vector<domain::table_write> plan_promise(domain::shard_id shard, const replica_promise& promise);

/// Erases the rows after `after`, up to `last`, then puts `rows`.
std::vector<domain::table_write> plan_put(domain::shard_id shard, std::uint64_t after, std::uint64_t last,
                                          std::span<const shipped_row> rows);

/// Does what is staged for rows after `after` up to `progress.applied`. It stays beside its rows: a member that
/// comes back needs both. Throws store_error when staged writes are damaged.
std::vector<domain::table_write> plan_apply(const store& s, domain::shard_id shard, std::uint64_t after,
                                            const replica_progress& progress);

/// Begins an incomplete copy: erases the log and what is staged.
std::vector<domain::table_write> plan_reset(const store& s, domain::shard_id shard,
                                            const replica_progress& progress);

/// Erases all of the shard but the node's own rows and what lies behind `base` in the log.
std::vector<domain::table_write> plan_clear(const store& s, domain::shard_id shard, std::uint64_t base);

/// The end of a copy: remembers `progress`.
std::vector<domain::table_write> plan_whole(domain::shard_id shard, const replica_progress& progress);

/// What goes with the erasure of a log row: that of what is staged beside it. Nothing for other writes.
std::optional<domain::table_write> erase_with(const domain::table_write& write);

/// Whether a row is a log row, or staged beside one.
bool of_the_log(std::string_view key) noexcept;

/// Whether a row is this node's own: never copied to another, nor erased with a shard.
bool stays_here(std::string_view key) noexcept;

} // namespace carillon::storage
