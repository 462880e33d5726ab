#pragma once

#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "storage/store_error.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::storage {

/// Fixed at the store's first start, kept in its header row.
struct store_identity {
  std::string uuid;                        ///< this node's id
  std::array<std::uint8_t, 16> hash_key{}; ///< SipHash key that maps account names to shards
  std::uint16_t shards = 64;
  std::uint32_t generation = 1; ///< raised by a restore; part of every notification id and cursor
  bool held = false; ///< as it was at open: restored and not yet released; `store::held` is current
};

struct store_settings {
  std::string directory;
  std::uint64_t map_size = std::uint64_t{64} << 30; ///< bytes of address space; the file grows as it is used
  /// Bytes kept in a file of their own, given up when the disk is full so that claims and outcomes still fit;
  /// at most 1 % of the disk is taken.
  std::uint64_t ballast = std::uint64_t{64} << 20;
};

/// What of the store's room is used. Bytes.
struct store_fill {
  std::uint64_t used = 0;  ///< (last page − free pages) × page size
  std::uint64_t limit = 0; ///< the smaller of the map and what the disk could still give
};

struct cluster_identity; // membership.hpp
class environment; // lmdb.hpp
class disk_room;   // disk_room.hpp

/// Fill from which ingestion is refused. Above it lies the room for claims, outcomes and copies on write.
inline constexpr double full_from = 0.85;

/// One node's LMDB environment: header, identity, ballast, lock. Exactly one per process and directory.
///
/// Threads: `commit` belongs to one thread (the writer's); everything `const` may be called from any.
class store {
public:
  /// Opens or creates. Throws store_error: the directory is in use (named process id), on a network file
  /// system, can't be written, holds a newer format, or is damaged. Raises the life counter.
  explicit store(const store_settings& settings);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  const store_identity& identity() const noexcept;
  /// Which start of the process on this store this is, from 1; part of every time stamp.
  std::uint32_t life() const noexcept;
  /// A stamp of this moment.
  domain::time_stamp stamp() const;
  /// From now on stamps know these clocks of other nodes, which outlive the store. Before other threads use
  /// it.
  void know(const domain::foreign_clocks& others);
  domain::shard_id shard_of(std::string_view account_name) const;
  domain::shard_id shard_of(domain::account_id account) const; ///< number mod shards

  store_fill fill() const;
  /// Fill ≥ 85 %, or the disk was full and has no room for the ballast yet: ingestion must refuse
  /// (`store-full`); claims and outcomes go on. Cached, refreshed by `commit` and at most once a second.
  bool full() const;
  /// Restored and not yet released: nothing may be claimed. Any thread.
  bool held() const noexcept;
  /// Ends the held state of a restored store, durably. Writer's thread. Throws store_error; nothing has
  /// changed then.
  void release();

  /// Makes it a store of this cluster, durably. An empty store takes the cluster's hash key, shards and
  /// generation. Before any thread but the caller's uses the store. Throws store_error when what it holds is
  /// another cluster's, or was made apart from it.
  void join(const cluster_identity& cluster);

  /// Whether a commit that writes at most `bytes` will find room on the disk; gives up the ballast for it.
  /// Writer's thread; throws fatal_store_error on EIO.
  bool reserve(std::uint64_t bytes);
  /// Gives up the ballast, if it still stands; true when that freed something. Writer's thread.
  bool give_up_ballast();
  /// Commits the header as it is. Writer's thread; throws lmdb_error.
  void rewrite_header();
  /// What `full` needs to know of a commit. Writer's thread.
  void committed();

  const std::string& directory() const noexcept;
  environment& env() noexcept;
  const environment& env() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::storage
