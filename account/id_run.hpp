#pragma once

#include "account/event_id.hpp"
#include "account/id_filter.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How a run of event ids stands in the store: its filter's parts, then its ids in the order of their hashes,
/// in rows that fill a page each. The key of a row of ids ends with the hash of its first one, so the row
/// that may hold an id is the last one whose key is not behind the id's. Each row begins with the moment when
/// the newest of its ids (of a filter: of all) was accepted, by which retention finds it.
namespace carillon::account {

/// One run, immutable once written.
struct run_place {
  domain::shard_id shard{};
  domain::account_id account{};
  std::uint64_t run = 0; ///< never given again within an account
};

/// The prefix of all rows of a run; the prefix of those that hold ids.
std::string run_prefix(const run_place& at);
std::string run_ids_prefix(const run_place& at);
/// The key to look for an id with: its row is the last one not behind it, if that has the prefix of ids.
std::string run_id_key(const run_place& at, const id_hash& id);
std::string run_filter_key(const run_place& at, std::size_t part);

/// One row of ids, checked, as views into the value it was opened from.
class id_row {
public:
  /// Nothing when the value is damaged, of another format, or no row of ids.
  static std::optional<id_row> open(std::string_view value);

  std::size_t size() const;
  id_entry at(std::size_t index) const;
  std::optional<id_record> find(const id_hash& id) const;

private:
  explicit id_row(std::string_view entries) : entries_{entries} {}
  std::string_view entries_;
};

/// The part of a filter in a row's value; nothing when that is damaged.
std::optional<std::string_view> open_filter_part(std::string_view value);

/// Appends the rows of a run of these ids: one at least, sorted by hash, each there once. Returns its filter.
id_filter write_run(const run_place& at, const std::vector<id_entry>& sorted,
                    std::vector<domain::table_write>& out);

} // namespace carillon::account
