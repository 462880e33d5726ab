#pragma once

#include "bench/figures.hpp"
#include "bench/stage.hpp"

namespace carillon::bench {

/// A node joins and is given a shard in which 100,000 notifications wait: how long that takes, and what clients
/// of its account and of others notice. Needs a settled cluster; leaves it so, with one node more.
void measure_move(stage& on, cluster& nodes, figures& into);

} // namespace carillon::bench
