#include "actors/deleted_account.hpp"

#include "account/retention.hpp"
#include "storage/keys.hpp"
#include "storage/log_reader.hpp"
#include "storage/table_ops.hpp"

#include <array>
#include <utility>

namespace carillon::actors {

namespace {

using storage::row_kind;

/// Tables with rows of a single account, but for the one that tells of its erasure.
constexpr std::array<row_kind, 7> owned{row_kind::block,  row_kind::missed, row_kind::event_id, row_kind::subscription,
                                        row_kind::window, row_kind::awake,  row_kind::released};

} // namespace

deleted_account look_at_deleted(const storage::store& store, domain::account_id account) {
  const storage::log_reader reader{store};
  const auto shard = store.shard_of(account);
  const auto saved = reader.get(storage::key(shard, row_kind::account, raw(account)));
  if (!saved || reader.get(storage::key(shard, row_kind::awake, raw(account))) || !account::is_erased(*saved))
    return {};
  for (const auto kind : owned) {
    auto found = storage::collect_range(store, storage::key(shard, kind, raw(account)), {}, {});
    if (!found.writes.empty())
      return {deleted_account::stage::rows, std::move(found.writes)};
  }
  return {deleted_account::stage::erased, {}};
}

} // namespace carillon::actors
