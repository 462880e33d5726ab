#pragma once

#include "domain/log_position.hpp"
#include "storage/lmdb.hpp"
#include "storage/replica_rows.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::storage {

/// Bytes of one part of a copy; a row alone may be longer.
inline constexpr std::size_t copy_part_bytes = std::size_t{1} << 20;

/// A shard as it stands at one moment, read in parts for another node. Holds a read transaction, which keeps
/// every page freed meanwhile: whoever has one bounds its age.
class shard_copy {
public:
  shard_copy(const store& s, domain::shard_id shard);

  /// The newest row whose table writes are in what is read.
  row_place through() const noexcept { return through_; }
  /// The next rows, encoded as table writes; empty when the shard's end is reached.
  std::string next_part();
  bool done() const noexcept { return done_; }

  /// Bytes of keys and values in the parts so far.
  std::uint64_t read() const noexcept { return read_; }
  /// The same of all parts; nothing until the shard's end is counted. Each part counts a few times its own bytes ahead.
  std::optional<std::uint64_t> size() const noexcept {
    return counted_all_ ? std::optional{counted_} : std::nullopt;
  }

private:
  bool to_copy(std::string_view row_key) const;
  void count_ahead();

  read_transaction txn_;
  cursor at_;
  cursor ahead_; ///< up to which rows are counted
  std::string prefix_;
  row_place through_;
  std::uint64_t read_ = 0, counted_ = 0;
  bool done_ = false, counted_all_ = false;
};

} // namespace carillon::storage
