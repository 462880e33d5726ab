#pragma once

#include <algorithm>
#include <cstddef>

namespace carillon::net {

/// How fast connections to one origin may be opened.
///
/// A receiver that gets hundreds of handshakes at once answers nothing else meanwhile, not even over the
/// connections that are open; then more POSTs find none idle, and ask for more handshakes. So a few are under
/// way at a time, and the next follows when one is through: as fast as the receiver can. What doesn't come
/// through soon doesn't count any more from the next tick on, so that nothing waits for a receiver that is far
/// or mute; and whatever waits gets its turn within `most_ticks` ticks.
class opening_pace {
public:
  static constexpr std::size_t most_ticks = 25; ///< of the timer wheel's 20 ms: half a second

  explicit opening_pace(std::size_t least_at_a_time)
      : least_{least_at_a_time}, at_a_time_{least_at_a_time}, free_{least_at_a_time} {}

  /// Whether one more may be opened now; counts it then.
  bool try_start() {
    if (free_ == 0)
      return false;
    --free_;
    return true;
  }

  /// One is through, well or badly.
  void ended() { free_ = std::min(free_ + 1, at_a_time_); }

  /// A tick has passed, and so many wait. The pace stays up until none does.
  void tick(std::size_t waiting) {
    const auto wanted = std::max(least_, (waiting + most_ticks - 1) / most_ticks);
    at_a_time_ = waiting == 0 ? wanted : std::max(at_a_time_, wanted);
    free_ = at_a_time_;
  }

private:
  std::size_t least_;
  std::size_t at_a_time_;
  std::size_t free_;
};

} // namespace carillon::net
