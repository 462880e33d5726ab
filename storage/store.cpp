#include "storage/store.hpp"

#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "storage/disk_room.hpp"
#include "storage/lmdb.hpp"
#include "storage/membership.hpp"
#include "storage/store_header.hpp"
#include "storage/store_lock.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

namespace carillon::storage {

namespace {

/// Freed pages are counted anew at most that often, unless the count was quick.
constexpr std::chrono::seconds count_interval{1};
/// So many rows of freed pages are walked in well under a millisecond.
constexpr std::uint64_t quick_count = 256;

/// The boot's id as the kernel tells it. Throws store_error: without it, times of two boots would be mixed
/// up.
std::array<std::uint8_t, 16> read_boot_id() {
  std::array<std::uint8_t, 16> id{};
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string text;
  std::getline(file, text);
  std::erase(text, '-');
  if (text.size() != 2 * id.size() || text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    throw store_error{"/proc/sys/kernel/random/boot_id can't be read; Carillon needs it to tell boots apart"};
  for (std::size_t i = 0; i < id.size(); ++i)
    id[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return id;
}

environment open_environment(const store_settings& settings) {
  std::error_code ignored;
  if (std::filesystem::exists(unfinished_path(settings.directory), ignored))
    throw store_error{"the store " + settings.directory +
                      " holds a restore that did not end; empty the directory and restore again"};
  try {
    return environment{{.path = settings.directory, .map_size = settings.map_size}};
  } catch (const lmdb_error& error) {
    throw store_error{"the store " + settings.directory + " can't be opened: " + error.what() +
                      " (check its permissions, the disk, and storage.map-size against the memory limits)"};
  }
}

} // namespace

struct store::impl {
  explicit impl(const store_settings& s) : settings{s}, boot_id{read_boot_id()} {}

  /// Reads the header, or writes a new store's; raises the life. Durable when it returns.
  void start();
  void write_header(bool as_held);
  void refresh_fill(bool force);

  store_settings settings;
  std::array<std::uint8_t, 16> boot_id;
  std::optional<store_lock> lock; ///< taken before, given up after the environment
  std::optional<environment> env;
  std::optional<disk_room> room;
  store_header header;
  std::atomic<bool> held{false};
  const domain::foreign_clocks* others = nullptr;
  std::uint64_t page_size = 4096;

  // How full it is; under `fill_mutex`, but for the atomic.
  std::mutex fill_mutex;
  store_fill fill;
  std::uint64_t free_pages = 0, counted_rows = 0, counted_last_page = 0;
  domain::boot_time counted_at{};
  std::atomic<std::int64_t> refreshed_at{0}; ///< boot time, ns
  std::atomic<bool> full{false};
};

void store::impl::start() {
  write_transaction txn{*env};
  if (const auto value = txn.get(header_key())) {
    header = decode_header(*value, settings.directory);
  } else {
    if (read_transaction{*env}.rows() != 0)
      throw store_error{"the store " + settings.directory +
                        " is damaged: it has rows but no header; restore a backup"};
    header.identity.uuid = crypto::uuid_v4();
    const auto random = crypto::random_bytes(header.identity.hash_key.size());
    std::copy(random.begin(), random.end(), header.identity.hash_key.begin());
    header.created = domain::wall_now();
  }
  header.format = store_format;
  ++header.life;
  txn.put(header_key(), encode_header(header));
  txn.commit();
  held = header.identity.held;
}

void store::impl::write_header(bool as_held) {
  auto current = header; // `header` itself is read by all threads and stays as it was at open
  current.identity.held = as_held;
  write_transaction txn{*env};
  txn.put(header_key(), encode_header(current));
  txn.commit();
}

void store::impl::refresh_fill(bool force) {
  const std::lock_guard guard{fill_mutex};
  const auto now = domain::boot_clock::now();
  const auto last_page = env->last_page();
  const bool old = now - counted_at >= count_interval;
  const bool quick = counted_rows < quick_count && (force || last_page != counted_last_page);
  if (old || quick) {
    free_pages = count_freed_pages(*env, &counted_rows);
    counted_at = now;
    counted_last_page = last_page;
  }
  fill.used = (last_page + 1 - std::min(free_pages, last_page)) * page_size;
  fill.limit = std::min(settings.map_size, room->data_file_size() + room->free_bytes());
  // Without the ballast the disk was full, and what it gave back is not for events.
  room->retake_ballast();
  full = room->ballast_missing() ||
         static_cast<double>(fill.used) >= full_from * static_cast<double>(fill.limit);
  refreshed_at = now.time_since_epoch().count();
}

store::store(const store_settings& settings) : impl_{std::make_unique<impl>(settings)} {
  auto& self = *impl_;
  prepare_directory(settings.directory);
  self.lock.emplace(settings.directory);
  const bool fresh = !std::filesystem::exists(data_path(settings.directory));
  self.env.emplace(open_environment(settings));
  self.settings.map_size = self.env->map_size();
  self.page_size = self.env->page_size();
  self.room.emplace(settings.directory, self.env->data_file(), self.settings.map_size, settings.ballast);
  try {
    self.env->clear_stale_readers();
    reserve(4 * self.page_size);
    self.start();
  } catch (const lmdb_error& error) {
    throw store_error{"the store " + settings.directory + " can't be started: " + error.what() +
                      (error.full() ? "; free space on its disk, or raise storage.map-size" : "")};
  }
  if (fresh) {
    sync_directory(settings.directory);
    const auto parent = std::filesystem::absolute(settings.directory).parent_path();
    sync_directory(parent.string());
  }
  self.refresh_fill(true);
}

store::~store() = default;

const store_identity& store::identity() const noexcept {
  return impl_->header.identity;
}

std::uint32_t store::life() const noexcept {
  return impl_->header.life;
}

domain::time_stamp store::stamp() const {
  return {impl_->header.life, impl_->boot_id, domain::boot_clock::now(), domain::wall_now(), impl_->others};
}

void store::know(const domain::foreign_clocks& others) {
  impl_->others = &others;
}

domain::shard_id store::shard_of(std::string_view account_name) const {
  const auto& id = impl_->header.identity;
  return domain::shard_id{
      static_cast<std::uint16_t>(crypto::siphash24(id.hash_key, account_name) % id.shards)};
}

domain::shard_id store::shard_of(domain::account_id account) const {
  return domain::shard_id{static_cast<std::uint16_t>(domain::raw(account) % impl_->header.identity.shards)};
}

store_fill store::fill() const {
  impl_->refresh_fill(true);
  const std::lock_guard guard{impl_->fill_mutex};
  return impl_->fill;
}

bool store::full() const {
  const auto age = domain::boot_clock::now().time_since_epoch().count() - impl_->refreshed_at;
  if (age >= std::chrono::nanoseconds{count_interval}.count())
    impl_->refresh_fill(false);
  return impl_->full;
}

bool store::held() const noexcept {
  return impl_->held;
}

void store::release() {
  reserve(4 * impl_->page_size);
  impl_->write_header(false);
  impl_->held = false;
}

void store::join(const cluster_identity& cluster) {
  auto& self = *impl_;
  auto& mine = self.header.identity;
  const auto known = membership(*this);
  if (known && known->name != cluster.name)
    throw store_error{"the store " + directory() + " belongs to the cluster \"" + known->name + "\", not to \"" +
                      cluster.name + "\""};
  const bool same = mine.hash_key == cluster.hash_key && mine.shards == cluster.shards &&
                    mine.generation == cluster.generation;
  // Beside its header a store without accounts holds nothing.
  const bool empty = read_transaction{*self.env}.rows() <= 1;
  if (!same && !empty)
    throw store_error{"the store " + directory() + " was made apart from the cluster \"" + cluster.name +
                      "\" and holds data of its own; start it alone, or with an empty directory"};
  mine.hash_key = cluster.hash_key;
  mine.shards = cluster.shards;
  mine.generation = cluster.generation;
  write_transaction txn{*self.env};
  txn.put(header_key(), encode_header(self.header));
  txn.put(membership_key(), encode_membership(cluster));
  txn.commit();
}

void store::rewrite_header() {
  impl_->write_header(impl_->held);
}

bool store::reserve(std::uint64_t bytes) {
  auto& self = *impl_;
  const auto end = (self.env->last_page() + 1) * self.page_size + bytes;
  if (self.room->ensure(end) || (give_up_ballast() && self.room->ensure(end)))
    return true;
  // No new blocks: it may still fit into pages that are free inside the file, twice over for what copies on
  // write take.
  self.refresh_fill(true);
  const std::lock_guard guard{self.fill_mutex};
  return self.free_pages * self.page_size >= 2 * bytes;
}

bool store::give_up_ballast() {
  if (!impl_->room->give_up_ballast())
    return false;
  impl_->full = true;
  return true;
}

void store::committed() {
  auto& self = *impl_;
  // Far from full, the fill is left to the once-a-second look.
  const auto used = (self.env->last_page() + 1) * self.page_size;
  if (self.full || used >= self.settings.map_size / 2 ||
      domain::boot_clock::now().time_since_epoch().count() - self.refreshed_at >=
          std::chrono::nanoseconds{count_interval}.count())
    self.refresh_fill(false);
}

const std::string& store::directory() const noexcept {
  return impl_->settings.directory;
}

environment& store::env() noexcept {
  return *impl_->env;
}

const environment& store::env() const noexcept {
  return *impl_->env;
}

} // namespace carillon::storage
