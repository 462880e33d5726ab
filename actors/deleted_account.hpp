#pragma once

#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <vector>

namespace carillon::actors {

/// How far the erasure of a deleted account is, in this node's copy of its shard.
struct deleted_account {
  enum class stage : std::uint8_t {
    open,  ///< its actor has yet to end what was open
    rows,  ///< it has rows left
    erased ///< for good: nothing but the row that says so, which goes with its profile
  } is = stage::open;
  std::vector<domain::table_write> next; ///< erase a bounded part of its rows
};

/// Of an account whose profile says that it is being deleted.
deleted_account look_at_deleted(const storage::store& store, domain::account_id account);

} // namespace carillon::actors
