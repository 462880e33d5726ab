#include "domain/log_position.hpp"

#include "domain/foreign_clocks.hpp"

#include <algorithm>

namespace carillon::domain {

boot_time translate(boot_time recorded, const time_stamp& stamped, const time_stamp& now) {
  if (stamped.boot_id == now.boot_id)
    return recorded;
  const auto then = now.others != nullptr ? now.others->here(stamped, now) : stamped;
  const auto age_when_written = then.boot - recorded; // negative for a time that was still to come
  const auto since = std::max(now.wall - then.wall, wall_time::duration::zero());
  return now.boot - (age_when_written + since);
}

} // namespace carillon::domain
