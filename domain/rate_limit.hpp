#pragma once

#include "domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace carillon::domain {

/// At most `count` first bytes in any `length`.
struct limit_window {
  std::uint32_t count = 0;
  std::chrono::seconds length{};
  bool operator==(const limit_window&) const = default;
};

/// An account's sliding windows. A claim takes a place in all of them; the place is held while the POST is
/// under way and is free again one window after the request's first byte. So however long DNS, connect and
/// TLS take, a receiver never sees more than `count` first bytes within `length`.
///
/// First bytes are remembered to the millisecond, rounded up: a place frees at most 1 ms late, never early.
class rate_limit {
public:
  /// `count` POSTs whose first byte came within the millisecond that ends at `at`.
  struct bucket {
    std::int64_t at_ms = 0;
    std::uint32_t count = 0;
    std::uint32_t unsaved = 0; ///< of them: not called saved yet
    bool operator==(const bucket&) const = default;
  };

  explicit rate_limit(std::vector<limit_window> windows) { set_windows(std::move(windows)); }

  /// How a remembered first byte is kept: in a saved place, or to be told by `unsaved`.
  enum class keeping : std::uint8_t { saved, unsaved };

  /// New limits apply at once to what is remembered; a longer window knows only what the longest one before
  /// it kept.
  void set_windows(std::vector<limit_window> windows);
  const std::vector<limit_window>& windows() const { return windows_; }

  /// Forgets what no window holds any more.
  void advance(boot_time now);

  /// Places that are free now in every window. Call before `take`.
  std::uint32_t free(boot_time now);

  /// Takes places for claims.
  void take(std::uint32_t places) { held_ += places; }

  /// A held place turns into one that frees one window after `first_byte`.
  void settle(boot_time first_byte);

  /// When the next place frees, given that there is none now; nothing when that depends on a POST under way.
  std::optional<boot_time> next_free(boot_time now);

  struct use {
    limit_window window;
    std::uint32_t used = 0;
    std::optional<boot_time> next_free; ///< when the number used goes down next
  };
  std::vector<use> usage(boot_time now);

  /// Claims whose first byte is not known yet.
  std::uint32_t held() const { return held_; }

  /// What must survive a restart: first bytes within the longest window, oldest first.
  const std::deque<bucket>& history() const { return history_; }
  /// Those of them that whoever stores the history hasn't saved for good, oldest first: bucket and number.
  std::vector<bucket> unsaved() const;
  /// The oldest so many buckets of `unsaved` are saved and need not be told again.
  void saved(std::size_t buckets);
  /// Adds remembered first bytes from before a restart.
  void remember(boot_time first_byte, std::uint32_t count, keeping as);

  /// The longest window; zero without any.
  std::chrono::seconds longest() const;

private:
  struct cursor {
    std::size_t head = 0;   ///< first bucket inside the window
    std::uint64_t used = 0; ///< sum of the buckets from `head` on
  };
  void insert(std::int64_t at_ms, std::uint32_t count, keeping as);

  std::vector<limit_window> windows_;
  std::vector<cursor> cursors_;
  std::deque<bucket> history_;
  std::size_t saved_before_ = 0; ///< the buckets below this index have nothing unsaved
  std::uint32_t held_ = 0;
};

} // namespace carillon::domain
