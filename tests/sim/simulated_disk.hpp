#pragma once

#include "replication/ports.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::sim {

using replication::log_entry;
using replication::row_id;

/// A shard's tables, with a sum over what is in them that doesn't depend on the order of the writes.
struct table_image {
  std::map<std::string, std::string> rows;
  std::uint64_t sum = 0;

  void put(const std::string& key, const std::string& value);
  /// Staged writes: "key=value;key=value;".
  void apply(std::string_view staged);
  void clear();
};

/// What a replica has on its disk.
struct disk_image {
  replication::promise promised;
  row_id base;
  std::uint64_t applied = 0;
  replication::epoch reset_in = 0;
  bool whole = true;
  std::map<std::uint64_t, log_entry> log; ///< with what is or was staged
  table_image tables;

  row_id last() const;
  replication::stored_state found() const;

  void put(std::uint64_t after, const std::vector<log_entry>& rows);
  void apply(std::uint64_t through);
  void reset(const row_id& to, replication::epoch at);
  void install(const replication::snapshot_part& part);
  /// Erases log rows before this one, as retention does: of the applied ones the newest stays.
  void erase_before(std::uint64_t seq);

  /// A copy of the tables and of the log up to what is applied, in parts of so many rows.
  std::vector<replication::snapshot_part> copy(std::size_t rows_a_part) const;
};

} // namespace carillon::sim
