#include "domain/log_position.hpp"

#include <algorithm>

namespace carillon::domain {

boot_time translate(boot_time recorded, const time_stamp& then, const time_stamp& now) {
  if (then.boot_id == now.boot_id)
    return recorded;
  const auto age_when_written = then.boot - recorded;
  const auto since = std::max(now.wall - then.wall, wall_time::duration::zero());
  const auto age = std::max(age_when_written + since, boot_clock::duration::zero());
  return now.boot - age;
}

} // namespace carillon::domain
