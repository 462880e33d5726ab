#pragma once

#include <string_view>

namespace carillon::config {

/// Named moments on an event's way at which a crash test ends the process: `CARILLON_TEST_FAULT=name`, or `name:3` (the
/// third time), or `name:3:stop`, which stops it (SIGSTOP) instead of killing it. `CARILLON_TEST_FAULT_FILE` names a
/// file that may come to say such a thing while the process runs; it is erased when its moment has come. Compiled to
/// nothing except with CARILLON_FAULT_POINTS; release builds have none.
#ifdef CARILLON_FAULT_POINTS
void fault_point(std::string_view name);
#else
inline void fault_point(std::string_view) {}
#endif

} // namespace carillon::config
