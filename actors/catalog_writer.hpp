#pragma once

#include "actors/catalog_requests.hpp"
#include "storage/catalog.hpp"
#include "storage/store.hpp"

#include <string>
#include <variant>
#include <vector>

namespace carillon::actors {

/// What a catalog request would change and answer. Pure but for reading what is committed.
struct catalog_plan {
  std::vector<domain::table_write> writes; ///< empty: nothing to commit
  catalog_reply reply;                     ///< for when they are durable
};

/// Judges one request against the committed catalog. The directory plans the next one only after this one's
/// commit.
catalog_plan plan_change(const storage::store& store, const catalog_request& request, domain::wall_time now);

} // namespace carillon::actors
