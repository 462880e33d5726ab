#include "domain/foreign_clocks.hpp"

namespace carillon::domain {

void foreign_clocks::note(const reading& seen) {
  const std::lock_guard lock{guard_};
  known_[seen.boot] = seen;
}

std::vector<foreign_clocks::reading> foreign_clocks::all() const {
  const std::lock_guard lock{guard_};
  std::vector<reading> out;
  for (const auto& [boot, seen] : known_)
    out.push_back(seen);
  return out;
}

time_stamp foreign_clocks::here(time_stamp then, const time_stamp& now) const {
  if (then.boot_id == now.boot_id)
    return then;
  const std::lock_guard lock{guard_};
  const auto found = known_.find(then.boot_id);
  if (found == known_.end())
    return then;
  const auto& seen = found->second;
  const auto since = seen.theirs - then.boot; // by the foreign clock, from the stamp to the reading
  // `translate` goes by the wall between both stamps: so the wall is set to where this node's clocks say that
  // the stamp was, rounded to the later millisecond.
  const auto wall_of_reading =
      seen.ours.boot_id == now.boot_id
          ? now.wall - std::chrono::floor<std::chrono::milliseconds>(now.boot - seen.ours.boot)
          : seen.ours.wall;
  then.wall = wall_of_reading - std::chrono::floor<std::chrono::milliseconds>(since);
  return then;
}

} // namespace carillon::domain
