#pragma once

#include "net/timer_wheel.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace carillon::net {

/// How fast connections of one pool may be opened.
///
/// A receiver that gets hundreds of TLS handshakes at once answers nothing else meanwhile, not even over the
/// connections that are open; then more POSTs find none idle, and ask for more handshakes. That many wait is
/// therefore no reason to open more at a time.
class opening_pace {
public:
  enum class kind {
    /// As fast as the receiver takes them: a few at a time, and another when one of them has ended. Those that take
    /// long don't count any more, so that a receiver that is far or mute holds up nobody.
    as_taken,
    /// Evenly over a part of the time that there is, however fast the receiver takes them.
    spread
  };

  explicit opening_pace(kind which) : kind_{which}, free_{which == kind::as_taken ? at_a_time : 1} {}

  /// Whether one more may be begun now; counts it then.
  bool try_begin() {
    if (free_ == 0)
      return false;
    --free_;
    return true;
  }

  /// One that was begun is open, or failed.
  void ended() {
    if (kind_ == kind::as_taken)
      free_ = std::min(free_ + 1, at_a_time);
  }

  /// A tick of the timer wheel has passed. So many POSTs lack a connection, and the first of them has so much time
  /// `left` until its deadline. Returns whether there is something to be told of the next tick.
  bool tick(std::size_t lacking, std::chrono::nanoseconds left) {
    if (kind_ == kind::spread) {
      const auto ticks = static_cast<std::size_t>(std::max(left / part_of_time / timer_wheel::tick, std::int64_t{1}));
      free_ = std::max((lacking + ticks - 1) / ticks, std::size_t{1});
      return lacking > 0;
    }
    if (++ticks_ >= long_ticks) {
      ticks_ = 0;
      free_ = at_a_time;
    }
    return lacking > 0 || free_ < at_a_time;
  }

  /// What a receiver of one thread does within some milliseconds.
  static constexpr std::size_t at_a_time = 8;
  /// 100 ms: more than a receiver takes that isn't far, if it isn't busy.
  static constexpr int long_ticks = 5;
  /// A quarter: most of the time is left for the answer.
  static constexpr int part_of_time = 4;

private:
  kind kind_;
  std::size_t free_;
  int ticks_ = 0; ///< since all that were begun before counted no more
};

} // namespace carillon::net
