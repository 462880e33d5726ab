#pragma once

#include "account/source.hpp"
#include "domain/byte_codec.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "domain/rate_limit.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::account {

/// How the first bytes that an account's windows remember stand in the store.
///
/// Windows of raised limits remember hundreds of thousands of them, and a busy account saves itself every few
/// seconds: so a checkpoint writes only what came since the last one. That stands in the snapshot until it
/// fills a *piece*, a row of its own that is never written again. Which pieces there are is told by the
/// snapshot, which is written in the same commit. A piece whose newest first byte no window holds any more is
/// erased by the next checkpoint.
///
///     settled --(checkpoint)--> in the snapshot --(enough for a piece)--> piece --(past the windows)--> gone
///
/// Times are boot times of the boot in which the snapshot was written. After a reboot the first checkpoint
/// writes everything anew.
class window_history {
public:
  window_history(const source& from, domain::shard_id shard, domain::account_id account);

  /// Opens a checkpoint: appends the writes of the pieces that fill and of those that are past. What is left
  /// is for `encode`.
  void save(domain::rate_limit& rate, domain::boot_time now, std::vector<domain::table_write>& out);
  /// What the snapshot tells: which pieces there are, and what has no piece yet.
  void encode(const domain::rate_limit& rate, domain::byte_writer& out) const;

  /// Reads the windows' history of a snapshot written at `then` into `rate`, which is new. False when a piece
  /// is missing or damaged; damage of the snapshot shows in `in.ok()`.
  bool decode(domain::byte_reader& in, const domain::time_stamp& then, const domain::time_stamp& now,
              domain::rate_limit& rate);

  /// How many milliseconds with first bytes make a piece: about 3 KB, so a row shares its page with few
  /// others, and the snapshot that holds up to as many stays small.
  static constexpr std::size_t piece_size = 1024;
  /// Pieces that one checkpoint erases at most; the others go with the next ones.
  static constexpr std::size_t erases_per_checkpoint = 64;

private:
  std::string piece_key(std::uint64_t number) const;

  const source& source_;
  domain::shard_id shard_;
  domain::account_id account_;
  std::uint64_t erased_before_ = 0;  ///< pieces from this number on may be in the store
  std::uint64_t first_ = 0;          ///< the oldest one that counts; those before it are past
  std::vector<std::int64_t> newest_; ///< of each from `first_` on: its newest first byte, as `rate_limit` has it
};

/// A piece's value, and what is read from one: nothing when it is damaged or of another format.
std::string encode_piece(const std::vector<domain::rate_limit::bucket>& buckets, std::size_t from,
                         std::size_t to);
std::optional<std::vector<domain::rate_limit::bucket>> decode_piece(std::string_view value);

} // namespace carillon::account
