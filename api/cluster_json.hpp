#pragma once

#include "actors/node.hpp"

#include <cstdint>
#include <string>

namespace carillon::api {

/// The answer to `GET /v1/cluster`: nodes, shards and what is on the move, as this node knows them. `healthy`:
/// every shard has its members, and each of them is there.
std::string render_cluster(const actors::cluster_view_ptr& view, std::uint16_t shards, std::uint32_t replicas);

} // namespace carillon::api
