#pragma once

#include <chrono>
#include <cstdint>

/// The two clocks that Carillon reasons with. Rules in `domain/` take their times as arguments; only the
/// floors above call `now()`.
namespace carillon::domain {

/// Time since this boot of the machine, counting sleep (CLOCK_BOOTTIME): what windows, deadlines and due times
/// are measured in. Comparable within one boot only; see `storage/time_stamp.hpp` for what crosses boots.
struct boot_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<boot_clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

using boot_time = boot_clock::time_point;

/// Civil time for people and for what must outlive a boot: milliseconds since the Unix epoch, UTC.
using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// The system's wall clock, which may jump in both directions.
wall_time wall_now() noexcept;

/// CPU time, user and system, that the calling thread has used so far: for what a node tells of its own cost.
std::chrono::nanoseconds thread_cpu() noexcept;

} // namespace carillon::domain
