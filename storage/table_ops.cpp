#include "storage/table_ops.hpp"

#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"
#include "storage/log_row_codec.hpp"

#include <algorithm>

namespace carillon::storage {

namespace {

/// `judge` sees key and value; `group` as in `collect_past`.
erase_plan collect(const store& s, std::string_view prefix, std::string_view from, std::string_view to,
                   std::size_t group, const step_limits& limits,
                   const std::function<verdict(std::string_view, std::string_view)>& judge) {
  erase_plan plan;
  const read_transaction txn{s.env()};
  cursor at{txn};
  std::size_t visited = 0;
  for (bool more = at.seek(std::max(from, prefix)); more;) {
    if (!at.key().starts_with(prefix) || (!to.empty() && at.key() >= to))
      return plan;
    if (plan.writes.size() >= limits.erases || visited >= limits.visited) {
      plan.resume = at.key();
      return plan;
    }
    ++visited;
    const auto judged = judge(at.key(), at.value());
    if (judged == verdict::erase)
      plan.writes.push_back({std::string{at.key()}, {}, true});
    more = judged == verdict::keep_group ? at.seek(key_after_prefix(at.key().substr(0, group))) : at.next();
  }
  return plan;
}

bool is_old(std::string_view row, domain::wall_time before) noexcept {
  log_row_head_fields head;
  return read_log_row_head(row, head) == log_row_state::good && head.stamp.wall < before;
}

/// A row stands in the log before those written later, so it is old when one behind it is, whatever its own
/// stamp says (a wall clock that was ahead for an hour, a damaged row). Looks at ever larger distances; 0:
/// none found.
std::uint64_t highest_old_seq(const store& s, domain::shard_id shard, domain::wall_time before,
                              std::uint64_t below) {
  const read_transaction txn{s.env()};
  cursor at{txn};
  const auto prefix = key(shard, row_kind::log);
  const auto seq_here = [&] { return number_in_key(at.key(), key_head_size).value_or(0); };
  if (!at.seek(prefix) || !at.key().starts_with(prefix))
    return 0;
  const auto first = seq_here();
  std::uint64_t highest = 0;
  for (std::uint64_t distance = 1; first < below && distance < below - first; distance *= 2)
    if (at.seek(key(shard, row_kind::log, first + distance)) && at.key().starts_with(prefix) &&
        seq_here() < below && is_old(at.value(), before))
      highest = seq_here();
  return highest;
}

} // namespace

erase_plan collect_range(const store& s, std::string_view prefix, std::string_view from, std::string_view to,
                         const step_limits& limits) {
  return collect(s, prefix, from, to, prefix.size(), limits, [](auto, auto) { return verdict::erase; });
}

erase_plan collect_past(const store& s, std::string_view prefix, std::string_view from, std::size_t group,
                        const std::function<verdict(std::string_view value)>& judge,
                        const step_limits& limits) {
  return collect(s, prefix, from, {}, group, limits,
                 [&](std::string_view, std::string_view value) { return judge(value); });
}

erase_plan oldest_log_rows(const store& s, domain::shard_id shard, domain::wall_time before,
                           std::uint64_t below, const step_limits& limits) {
  below = std::min(below, log_reader{s}.replay_from(shard));
  const auto known_old = highest_old_seq(s, shard, before, below);
  const auto to = key(shard, row_kind::log, below);
  // The log is one group: behind a row that is not old none is.
  return collect(s, key(shard, row_kind::log), {}, to, key_head_size, limits,
                 [&](std::string_view k, std::string_view value) {
                   const bool old =
                       is_old(value, before) || number_in_key(k, key_head_size).value_or(0) <= known_old;
                   return old ? verdict::erase : verdict::keep_group;
                 });
}

} // namespace carillon::storage
