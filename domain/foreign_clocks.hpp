#pragma once

#include "domain/log_position.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace carillon::domain {

/// How the boot-time clocks of other nodes compare with this one's. What another node stamped is told in this
/// node's time by when it came in, never by wall clocks, which may differ by an hour. Thread-safe.
///
/// A stamp is taken as if it had come without delay: so a time is never taken for earlier than it was, and a
/// place in a window never freed too early.
class foreign_clocks {
public:
  using boot_id = std::array<std::uint8_t, 16>;

  /// When another boot's clock showed `theirs`, this node's showed `ours.boot` or less.
  struct reading {
    boot_id boot{};
    boot_time theirs{};
    time_stamp ours;
  };

  void note(const reading& seen);
  std::vector<reading> all() const;

  /// The same moment as `then`, such that `translate(t, result, now)` tells times of that boot in `now`'s. A
  /// stamp of this boot, or of one that was never heard of, stays as it is.
  time_stamp here(time_stamp then, const time_stamp& now) const;

private:
  mutable std::mutex guard_;
  std::map<boot_id, reading> known_;
};

} // namespace carillon::domain
