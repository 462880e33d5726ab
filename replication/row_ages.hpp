#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace carillon::replication {

/// Remembers when rows of a log became durable, as long as somebody lacks them: how long has the oldest of those
/// waited? Exact while few moments are kept; of many, a row may be told to be older than it is, never younger.
class row_ages {
public:
  /// So many moments are kept; when there are more, of two only the earlier.
  static constexpr std::size_t most_moments = 256;

  /// Rows up to this one are durable now.
  void durable(std::uint64_t through, std::chrono::milliseconds now);
  /// Nobody lacks a row up to this one any more.
  void forget(std::uint64_t through);
  /// When the row became durable; nothing when it isn't, or was forgotten.
  std::optional<std::chrono::milliseconds> since(std::uint64_t seq) const;

private:
  struct moment {
    std::chrono::milliseconds at{0};
    std::uint64_t through = 0;
  };
  std::deque<moment> moments_; ///< oldest first: each tells of the rows behind the one before
  std::uint64_t forgotten_ = 0; ///< rows up to it
};

} // namespace carillon::replication
