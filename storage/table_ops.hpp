#pragma once

#include "domain/log_position.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Plans of what may be erased, in steps small enough for a nearly full store (a large erase needs pages
/// itself). They only read; the sweeper commits them as batches without entries.
namespace carillon::storage {

/// Bounds of one step.
struct step_limits {
  std::size_t erases = 256;   ///< keys to erase
  std::size_t visited = 4096; ///< rows looked at, in one read transaction
};

/// One step's plan.
struct erase_plan {
  std::vector<domain::table_write> writes;
  std::string resume; ///< the key where the next step starts; empty: the range is done
  bool done() const noexcept { return resume.empty(); }
};

/// All keys with `from` ≤ key < `to`; empty `from`: from the prefix's first; empty `to`: to its end. Keys
/// outside the prefix are never collected.
erase_plan collect_range(const store& s, std::string_view prefix, std::string_view from, std::string_view to,
                         const step_limits& limits = {});

/// What is to become of a row; `keep_group`: it stays and so does all behind it in its group.
enum class verdict : std::uint8_t { erase, keep, keep_group };

/// The rows with that prefix, from the key `from` on, that `judge` wants erased. Rows whose keys begin with
/// the same `group` bytes are a group; what of it is kept as a whole is not looked at, so that a walk visits
/// what may go and not what the store holds.
erase_plan collect_past(const store& s, std::string_view prefix, std::string_view from, std::size_t group,
                        const std::function<verdict(std::string_view value)>& judge,
                        const step_limits& limits = {});

/// The shard's oldest log rows while they are stamped before `before` and numbered below `below` (and below
/// the shard's mark, whatever `below` says: a start needs the others). In order, up to the first row that is
/// not old; a row also counts as old when one written later is, so that a clock that was ahead for a while
/// doesn't keep its rows for ever.
erase_plan oldest_log_rows(const store& s, domain::shard_id shard, domain::wall_time before,
                           std::uint64_t below, const step_limits& limits = {});

} // namespace carillon::storage
