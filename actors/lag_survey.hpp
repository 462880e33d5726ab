#pragma once

#include "actors/cluster_view.hpp"
#include "actors/interfaces.hpp"
#include "actors/shard_lag.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <functional>

namespace carillon::actors {

/// How long whoever asks how far members are waits for a node, and that node's ENTRY for a replica.
inline constexpr std::chrono::milliseconds lag_patience{1'000};
inline constexpr std::chrono::milliseconds lag_patience_of_entry{500};

/// Asks each node that leads a shard; this one by `own`, its ENTRY. `done` is called exactly once, within
/// `lag_patience`, on an actor's thread or before this returns.
void survey_lag(caf::actor_system& system, cluster_view_ptr view, const entry_actor& own,
                std::function<void(lag_report)> done);

} // namespace carillon::actors
