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

private:
  domain::shard_id shard_{};
  read_transaction txn_;
  cursor at_;
  row_place through_;
  bool done_ = false;
};

} // namespace carillon::storage
