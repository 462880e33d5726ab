#pragma once

#include "account/event_id.hpp"
#include "account/id_filter.hpp"
#include "account/source.hpp"
#include "domain/byte_codec.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace carillon::account {

/// The event ids that one account remembers, so that a repeat is told from a new event.
///
/// Ids come in at random places of their order, so a table sorted by them would have as many pages changed by
/// a checkpoint as ids. Here a checkpoint writes the ids of its time as one *run*, sorted, in pages of its
/// own; runs of like size are merged, four into one, as long as that is a matter of milliseconds.
/// Which runs there are is told by the account's snapshot, which is written in the same commit: a crash
/// leaves the runs of before or those of after. Each run has a filter, so that an id that is new, as most
/// are, is known to be without a look into the store.
///
///     accepted --(checkpoint)--> run of the smallest size --(merges)--> ... --(past its time)--> gone
///
/// A run whose newest id is past its time is left out of the next snapshot; its rows go when the sweeper
/// finds them past their time (`retention.hpp`), whether the account is awake or not. Rows of merged runs are
/// erased by the merge.
class event_ids {
public:
  event_ids(const source& from, domain::shard_id shard, domain::account_id account);

  /// What is known of each of these ids, if it was accepted at `oldest` or later. One read transaction for
  /// all, none when the filters know. (A filter is read when it is first needed.) Throws std::runtime_error
  /// when a row that may hold one of the ids is damaged.
  std::vector<std::optional<id_record>> find(std::span<const id_hash> ids, domain::wall_time oldest);

  /// An event was accepted. Replaces what was known of that id.
  void accept(const id_hash& id, const id_record& record);

  /// Opens a checkpoint: appends the writes that store what was accepted since the last one, but for what is
  /// older than `oldest`, and merges at most once. Until `saved`, `find` reads the store as it was.
  void save(domain::wall_time oldest, std::vector<domain::table_write>& out);
  /// The list of runs that holds with the writes of `save`: part of the account's snapshot.
  void encode(domain::byte_writer& out) const;
  /// Those writes are durable, or no checkpoint was open.
  void saved();

  /// Reads the list of runs of a snapshot into an object that is new. Damage shows in `in.ok()`.
  void decode(domain::byte_reader& in);

  std::size_t runs() const { return runs_.size(); }

  /// A run of so many ids or more is merged no further; a merge makes fewer than four times as many. That
  /// bounds both a merge (a few milliseconds) and the runs of a million ids (about a hundred).
  static constexpr std::uint64_t full_run = 8 * 1024;

private:
  struct run {
    std::uint64_t number = 0;
    std::uint64_t ids = 0;
    domain::wall_time newest{};
    std::shared_ptr<const id_filter> filter; ///< none: not read yet
    bool damaged = false;                    ///< found so by a merge: not to be merged again
  };
  using table = boost::unordered_flat_map<id_hash, id_record, id_hash_bits>;

  std::shared_ptr<const id_filter> read_filter(const run& r) const;
  /// All ids of a run accepted at `oldest` or later, and erases of its rows; nothing when one is damaged.
  std::optional<std::vector<id_entry>> take(const run& r, domain::wall_time oldest,
                                            std::vector<domain::table_write>& erases) const;
  void add_run(const std::vector<id_entry>& sorted, std::vector<domain::table_write>& out);
  struct merge_plan {
    std::vector<std::size_t> runs; ///< indexes into `next_`
    bool with_fresh = false;       ///< together with the ids that have no run yet
  };
  /// What to merge when so many fresh ids come; nothing while there are not four runs of a size.
  merge_plan to_merge(std::uint64_t fresh) const;

  const source& source_;
  domain::shard_id shard_;
  domain::account_id account_;
  std::uint64_t next_number_ = 1;
  table recent_;                         ///< since the last checkpoint
  table saving_;                         ///< in the open checkpoint, not readable yet
  std::vector<run> runs_;                ///< that can be read
  std::optional<std::vector<run>> next_; ///< as of the open checkpoint
};

} // namespace carillon::account
