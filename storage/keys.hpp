#pragma once

#include "domain/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Keys of the store: `[shard u16 BE][kind u8]…`, so a shard is one contiguous range. All integers big-endian, so that
/// byte order is number order.
namespace carillon::storage {

enum class row_kind : std::uint8_t {
  log = 'L',         ///< [seq u64] → log row: the truth
  mark = 'm',        ///< → replay starts at this seq
  account = 'A',     ///< [account u64] → the account's snapshot: counters, windows, subscriptions' holding, applied seq
  awake = 'W',       ///< [account u64] → empty: has open notifications, is loaded at start
  subscription = 'S', ///< [account u64][subscription u64][revision u32] → one revision, sealed
  block = 'N',       ///< [account u64][number/64 u64] → notifications of that block, as they stand
  missed = 'M',      ///< [account u64][feed number u64] → one notification that ended otherwise than delivered
  event_id = 'I',    ///< [account u64][hash 16] → when, digest and count of an accepted event id
  // in the system shard:
  name = 'a',       ///< [account name] → its profile (JSON)
  number = 'n',     ///< [account u64] → its name
  credential = 't', ///< [SHA-256] → token or key (JSON)
  credential_id = 'u', ///< [account u64, 0 for tokens][id text] → SHA-256
  counter = 'c',    ///< [name] → u64
};

std::string key(domain::shard_id shard, row_kind kind);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b, std::uint32_t c);
std::string key(domain::shard_id shard, row_kind kind, std::string_view tail);
std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::string_view tail);

} // namespace carillon::storage
