#pragma once

#include "simulated_disk.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace carillon::sim {

/// A promise that was broken, in words.
struct violation {
  std::string what;
};

/// What the world was told, and what must therefore hold for ever. No replica reads it.
class committed_history {
public:
  /// A replica holds this row to be committed. Throws when another one was at its place.
  void committed(const std::string& who, const log_entry& row);
  /// The client was told.
  void acknowledged(std::uint64_t seq);
  void posted(const std::string& who, std::uint64_t notification);

  std::uint64_t length() const { return rows_.size(); }
  std::uint64_t acknowledged_up_to() const { return acknowledged_; }
  std::uint64_t posts() const { return posts_.size(); }

  /// Throws when a log has another row where there is a committed one, or when the tables aren't what the rows
  /// up to `applied` make.
  void check(const std::string& who, const disk_image& disk) const;
  void check_tables(const std::string& who, const disk_image& disk) const;
  /// Throws when a row that a client was told of is neither in the log nor in the tables.
  void check_complete(const std::string& who, const disk_image& disk) const;

private:
  std::vector<log_entry> rows_;
  std::vector<std::uint64_t> sums_{0}; ///< of the tables after so many rows
  table_image tables_;
  std::uint64_t acknowledged_ = 0;
  std::map<std::uint64_t, std::string> posts_;
};

} // namespace carillon::sim
