#pragma once

#include "domain/time.hpp"
#include "storage/table_ops.hpp"

#include <string_view>

/// What retention may erase of the rows that an account stored. Damaged rows are kept: whoever reads them
/// says so.
namespace carillon::account {

/// Judges a stored block of notifications. It goes when all of them ended before `before` and it has all its
/// numbers: no checkpoint writes it again then, so a plan that is a moment old may erase it. One whose first
/// notification was made later keeps its account's blocks behind it as well: theirs were made later still.
storage::verdict judge_block(std::string_view block, domain::wall_time before);

/// Judges a row of the missed feed, which is in the order of ending.
storage::verdict judge_missed(std::string_view row, domain::wall_time before);

/// Judges a row of a run of event ids (`id_run.hpp`): it goes when it tells of nothing but ids that were
/// accepted before `before`. A run's filter stands before its ids and tells of all of them.
storage::verdict judge_ids(std::string_view row, domain::wall_time before);

/// Whether a saved account was erased by its operator and has nothing open.
bool is_erased(std::string_view snapshot);

} // namespace carillon::account
