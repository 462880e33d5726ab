#pragma once

#include <string_view>

namespace carillon::config {

/// Named moments on an event's way at which a crash test kills the process: `CARILLON_TEST_FAULT=name` or `name:3` (the
/// third time). Compiled to nothing except with CARILLON_FAULT_POINTS; release builds have none.
#ifdef CARILLON_FAULT_POINTS
void fault_point(std::string_view name);
#else
inline void fault_point(std::string_view) {}
#endif

} // namespace carillon::config
