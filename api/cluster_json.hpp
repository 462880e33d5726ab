#pragma once

#include "actors/node.hpp"
#include "actors/shard_lag.hpp"

#include <cstdint>
#include <string>

namespace carillon::api {

/// The answer to `GET /v1/cluster`: nodes, shards and what is on the move, as this node knows them, and how far the
/// members of shards are, as those have told that lead them. `healthy`: every shard has its members, and each of them
/// is there.
std::string render_cluster(const actors::cluster_view_ptr& view, const actors::lag_report& lag, std::uint16_t shards,
                           std::uint32_t replicas);

} // namespace carillon::api
