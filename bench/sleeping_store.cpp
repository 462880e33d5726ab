#include "bench/sleeping_store.hpp"

#include "account/account.hpp"
#include "bench/node.hpp"
#include "storage/catalog.hpp"
#include "storage/framed_value.hpp"
#include "storage/group_commit.hpp"
#include "storage/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace carillon::bench {

namespace {

/// Accounts a commit: sorted among themselves, so that the store's pages are filled in order.
constexpr std::uint64_t accounts_at_once = 10'000;

/// What a new account reads: nothing.
class empty_source : public account::source {
public:
  std::optional<std::string> get(std::string_view) const override { return std::nullopt; }
  std::vector<std::pair<std::string, std::string>> range(std::string_view, std::string_view, std::size_t,
                                                         bool) const override {
    return {};
  }
  std::vector<std::optional<std::pair<std::string, std::string>>>
  at_or_before(const std::vector<std::string>& keys) const override {
    return std::vector<std::optional<std::pair<std::string, std::string>>>(keys.size());
  }
  std::optional<std::string> read_event(domain::shard_id, const domain::event_ref&) const override {
    return std::nullopt;
  }
  void replay(domain::shard_id, domain::account_id, std::uint64_t,
              const std::function<void(std::uint64_t, std::uint32_t, const domain::time_stamp&,
                                       std::string_view)>&) const override {}
};

crypto::key_ring read_keys(const std::filesystem::path& folder) {
  std::ifstream file{keys_in(folder)};
  return crypto::key_ring::parse(std::string{std::istreambuf_iterator<char>{file}, {}});
}

class writer {
public:
  writer(const std::filesystem::path& folder, const std::string& target)
      : keys_(read_keys(folder)), store_(settings_of(folder)), stamp_(store_.stamp()) {
    wanted_.value.speaks = domain::dialect::copper;
    wanted_.value.target = target;
    wanted_.value.copper.type = "person";
    wanted_.value.copper.event = "update";
  }

  void write(std::uint64_t count) {
    for (std::uint64_t number = 0; number < count;) {
      const auto end = std::min(count, number + accounts_at_once);
      for (; number < end; ++number)
        add(number);
      add(storage::plan_counter(storage::account_counter, end));
      commit();
    }
    for (const auto& [shard, used] : subscriptions_)
      add({storage::key(domain::shard_id{shard}, storage::row_kind::counter,
                        std::string_view{"subscription"}),
           storage::frame_u64(used + 1), false});
    commit();
  }

private:
  static storage::store_settings settings_of(const std::filesystem::path& folder) {
    std::filesystem::create_directories(store_in(folder));
    storage::store_settings settings;
    settings.directory = store_in(folder).string();
    return settings;
  }

  void add(domain::table_write write) { rows_.emplace_back(std::move(write.key), std::move(write.value)); }

  void add(std::uint64_t number) {
    const std::uint64_t shards = store_.identity().shards;
    storage::account_profile profile;
    profile.id = sleeping_name(number);
    const auto shard = store_.shard_of(profile.id);
    profile.number = domain::account_id{(number + 1) * shards + domain::raw(shard)};
    profile.created = profile.updated = stamp_.wall;
    for (auto& write : storage::plan_put_account(profile))
      add(std::move(write));

    account::settings limits;
    limits.name = profile.id;
    account::account one{{profile.number, shard, store_.identity().generation}, limits, source_, keys_, budget_};
    one.load(stamp_, std::nullopt);
    const account::moment now{stamp_.boot, stamp_.wall};
    const auto id = ++subscriptions_[domain::raw(shard)] * shards + domain::raw(shard);
    one.begin(now, false);
    if (const auto made = one.create(wanted_, domain::subscription_id{id});
        std::holds_alternative<account::request_error>(made))
      throw std::runtime_error("a subscription is refused: " + std::get<account::request_error>(made).detail);
    take(one.finish());
    // Seq 0: no row of the log is left to be read.
    one.committed(0, 0);
    one.begin(now, true);
    take(one.finish());
  }

  void take(std::optional<domain::batch> batch) {
    if (!batch)
      throw std::runtime_error("an account has nothing to save");
    for (auto& write : batch->tables)
      if (!write.erase)
        add(std::move(write));
  }

  void commit() {
    std::sort(rows_.begin(), rows_.end());
    storage::log_row row;
    row.batches.emplace_back();
    for (auto& [key, value] : rows_)
      row.batches.back().tables.push_back({std::move(key), std::move(value), false});
    const auto results = log_.commit({&row, 1});
    if (!results.front().batches.front().ok)
      throw std::runtime_error("the store refuses accounts: " + results.front().batches.front().error);
    rows_.clear();
  }

  crypto::key_ring keys_;
  account::event_budget budget_{0};
  storage::store store_;
  storage::group_commit log_{store_};
  domain::time_stamp stamp_;
  empty_source source_;
  account::create_subscription wanted_;
  std::map<std::uint16_t, std::uint64_t> subscriptions_; ///< made so far, by shard
  std::vector<std::pair<std::string, std::string>> rows_;
};

} // namespace

std::string sleeping_name(std::uint64_t number) {
  return fmt::format("sleeper-{:07}", number);
}

void write_sleeping_accounts(const std::filesystem::path& folder, std::uint64_t count,
                             const std::string& target) {
  writer{folder, target}.write(count);
}

} // namespace carillon::bench
