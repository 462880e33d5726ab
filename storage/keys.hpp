#pragma once

#include "domain/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Keys of the store: `[shard u16 BE][kind u8]…`, so a shard is one contiguous range. All integers
/// big-endian, so that byte order is number order.
namespace carillon::storage {

enum class row_kind : std::uint8_t {
  log = 'L',  ///< [seq u64] → log row: the truth
  mark = 'm', ///< → replay starts at this seq (`frame_u64`); log rows below may be erased, none from it on
  account = 'A', ///< [account u64] → its snapshot: counters, windows, subscriptions' holding, applied seq
  window = 'F',  ///< [account u64][piece u64] → first bytes its windows remember: `account/window_history.hpp`
  awake = 'W',   ///< [account u64] → empty: has open notifications, is loaded at start
  subscription = 'S', ///< [account u64][subscription u64][revision u32] → one revision, sealed
  block = 'N',        ///< [account u64][number/64 u64] → notifications of that block, as they stand
  missed = 'M',   ///< [account u64][feed number u64] → one notification that ended otherwise than delivered
  event_id = 'I', ///< [account u64][run u64][part] → accepted event ids, sorted: `account/id_run.hpp`
  released = 'f', ///< [account u64] → generation (`frame_u64`) whose hold has ended for it, before that of the store
  // in the system shard:
  name = 'a',          ///< [account name] → its profile (JSON)
  number = 'n',        ///< [account u64] → its name
  credential = 't',    ///< [SHA-256] → token or key (JSON)
  credential_id = 'u', ///< [account u64, 0 for tokens][id text] → SHA-256
  counter = 'c',       ///< [name] → u64 (`frame_u64`); a restore raises every one
  header = 'h',        ///< → format, identity, life: `store_header.hpp`
  staged = 's',        ///< [seq u64] → table writes of that log row, done once it is committed everywhere
  // of this node's replica, never copied to another (`replica_rows.hpp`):
  promise = 'p', ///< → the epoch promised last, and to whom
  replica = 'r', ///< → how far the tables are, and whether the copy is whole
  clock = 'k',   ///< [boot id] → how another node's boot time compares with this one's
  cluster = 'C', ///< → the cluster that the store belongs to; ["members"] → who has its shards
};

/// LMDB's limit. A longer key fails its batch.
inline constexpr std::size_t max_key_size = 511;

std::string key(domain::shard_id shard, row_kind kind);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b, std::uint32_t c);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b,
                std::string_view tail);
std::string key(domain::shard_id shard, row_kind kind, std::string_view tail);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::string_view tail);

/// The first key behind all keys with that prefix; empty when there is none (a prefix of only 0xFF bytes).
std::string key_after_prefix(std::string_view prefix);

/// The big-endian number at `offset` of a key; nothing when the key is too short.
std::optional<std::uint64_t> number_in_key(std::string_view key, std::size_t offset) noexcept;

/// Where a key's own part begins: behind shard and kind.
inline constexpr std::size_t key_head_size = 3;

} // namespace carillon::storage
