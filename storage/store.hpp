#pragma once

#include "domain/ids.hpp"
#include "domain/log_position.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::storage {

/// The store can't be opened or used; `what()` names it, says what is wrong and what to do.
class store_error : public std::runtime_error {
  using runtime_error::runtime_error;
};

/// Fixed at the store's first start, kept in its header row.
struct store_identity {
  std::string uuid;                       ///< this node's id
  std::array<std::uint8_t, 16> hash_key{}; ///< SipHash key that maps account names to shards
  std::uint16_t shards = 64;
  std::uint32_t generation = 1; ///< raised by a restore; part of every notification id and cursor
  bool held = false;            ///< restored and not yet released: nothing is claimed
};

struct store_settings {
  std::string directory;
  std::uint64_t map_size = std::uint64_t{64} << 30;
};

/// What of the store's room is used. Bytes.
struct store_fill {
  std::uint64_t used = 0;  ///< (last page − free pages) × page size
  std::uint64_t limit = 0; ///< the smaller of the map and what the disk could still give
};

class environment; // lmdb.hpp

/// One node's LMDB environment: header, identity, ballast, lock. Exactly one per process and directory.
///
/// Threads: `commit` belongs to one thread (the writer's); everything `const` may be called from any.
class store {
public:
  /// Opens or creates. Throws store_error: the directory is in use (named process id), on a network file system, can't be
  /// written, holds a newer format, or is damaged. Raises the life counter.
  explicit store(const store_settings& settings);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  const store_identity& identity() const noexcept;
  /// Which start of the process on this store this is, from 1; part of every time stamp.
  std::uint32_t life() const noexcept;
  /// A stamp of this moment.
  domain::time_stamp stamp() const;
  domain::shard_id shard_of(std::string_view account_name) const;
  domain::shard_id shard_of(domain::account_id account) const; ///< number mod shards

  store_fill fill() const;
  /// Fill ≥ 85 %: ingestion must refuse (`store-full`); claims and outcomes go on. Cached, refreshed by `commit` and at
  /// most once a second.
  bool full() const;
  /// Ends the held state of a restored store, durably. Writer's thread.
  void release();

  environment& env() noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::storage
