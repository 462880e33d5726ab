#pragma once

#include "bench/figures.hpp"
#include "bench/stage.hpp"

namespace carillon::bench {

/// Kills one node after the other under load: how long the accounts that it led go without a 202, and without
/// a POST. Needs a settled cluster; leaves it so.
void measure_failover(stage& on, cluster& nodes, figures& into);

} // namespace carillon::bench
