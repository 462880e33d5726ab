#include "storage/lmdb.hpp"

#include <cerrno>
#include <cstring>
#include <lmdb.h>
#include <utility>

namespace carillon::storage {

namespace {

/// LMDB gives these numbers to its two built-in tables in every environment.
constexpr MDB_dbi freed_pages_table = 0;
constexpr MDB_dbi main_table = 1;

constexpr mode_t file_mode = 0600;
constexpr unsigned max_readers = 512; ///< concurrent read transactions; 64 bytes each in the lock file

void check(int code, const char* doing) {
  if (code != MDB_SUCCESS)
    throw lmdb_error{code, doing};
}

MDB_val as_val(std::string_view bytes) noexcept {
  return {bytes.size(),
          const_cast<char*>(bytes.data())}; // LMDB never writes through the keys and values it is given
}

std::string_view as_view(const MDB_val& val) noexcept {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

std::optional<std::string_view> get_row(MDB_txn* txn, std::string_view key) {
  auto k = as_val(key);
  MDB_val value;
  const int code = mdb_get(txn, main_table, &k, &value);
  if (code == MDB_NOTFOUND)
    return std::nullopt;
  check(code, "read a row");
  return as_view(value);
}

MDB_envinfo info_of(MDB_env* env) noexcept {
  MDB_envinfo info{};
  mdb_env_info(env, &info); // fails for a null environment only
  return info;
}

} // namespace

lmdb_error::lmdb_error(int code, const std::string& doing)
    : store_error{"LMDB can't " + doing + ": " + mdb_strerror(code)}, code_{code} {}

bool lmdb_error::full() const noexcept {
  switch (code_) {
  case MDB_MAP_FULL:
  case MDB_TXN_FULL:
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return true;
  default:
    return false;
  }
}

// --- environment --------------------------------------------------------------------------------

environment::environment(const environment_options& options) {
  check(mdb_env_create(&env_), "allocate an environment");
  try {
    check(mdb_env_set_maxreaders(env_, max_readers), "set the number of readers");
    if (options.map_size != 0)
      check(mdb_env_set_mapsize(env_, options.map_size), "set the map size");
    unsigned flags = MDB_NOTLS;
    if (options.read_only)
      flags |= MDB_RDONLY | MDB_NOLOCK;
    if (options.single_file)
      flags |= MDB_NOSUBDIR | MDB_NOLOCK;
    check(mdb_env_open(env_, options.path.c_str(), flags, file_mode), "open the environment");
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "begin reading");
    MDB_dbi table = 0;
    const int code = mdb_dbi_open(txn, nullptr, 0, &table);
    mdb_txn_abort(txn);
    check(code, "open the table");
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

environment::~environment() {
  if (env_)
    mdb_env_close(env_);
}

environment::environment(environment&& other) noexcept : env_{std::exchange(other.env_, nullptr)} {}

environment& environment::operator=(environment&& other) noexcept {
  std::swap(env_, other.env_);
  return *this;
}

std::uint64_t environment::map_size() const noexcept {
  return info_of(env_).me_mapsize;
}

std::uint64_t environment::last_page() const noexcept {
  return info_of(env_).me_last_pgno;
}

std::uint64_t environment::page_size() const noexcept {
  MDB_stat stat{};
  mdb_env_stat(env_, &stat); // fails for a null environment only
  return stat.ms_psize;
}

int environment::data_file() const noexcept {
  mdb_filehandle_t file = -1;
  mdb_env_get_fd(env_, &file); // fails for a null environment only
  return file;
}

int environment::clear_stale_readers() {
  int dead = 0;
  check(mdb_reader_check(env_, &dead), "check for stale readers");
  return dead;
}

void environment::copy_compacted(int file) const {
  check(mdb_env_copyfd2(env_, file, MDB_CP_COMPACT), "copy the environment");
}

// --- transactions -------------------------------------------------------------------------------

read_transaction::read_transaction(const environment& env) {
  check(mdb_txn_begin(env.handle(), nullptr, MDB_RDONLY, &txn_), "begin reading");
}

read_transaction::~read_transaction() {
  if (txn_)
    mdb_txn_abort(txn_);
}

read_transaction::read_transaction(read_transaction&& other) noexcept
    : txn_{std::exchange(other.txn_, nullptr)} {}

read_transaction& read_transaction::operator=(read_transaction&& other) noexcept {
  std::swap(txn_, other.txn_);
  return *this;
}

std::optional<std::string_view> read_transaction::get(std::string_view key) const {
  return get_row(txn_, key);
}

std::uint64_t read_transaction::rows() const {
  MDB_stat stat{};
  check(mdb_stat(txn_, main_table, &stat), "count the rows");
  return stat.ms_entries;
}

write_transaction::write_transaction(environment& env) {
  check(mdb_txn_begin(env.handle(), nullptr, 0, &txn_), "begin writing");
}

write_transaction::~write_transaction() {
  if (txn_)
    mdb_txn_abort(txn_);
}

write_transaction::write_transaction(write_transaction&& other) noexcept
    : txn_{std::exchange(other.txn_, nullptr)} {}

write_transaction& write_transaction::operator=(write_transaction&& other) noexcept {
  std::swap(txn_, other.txn_);
  return *this;
}

std::optional<std::string_view> write_transaction::get(std::string_view key) const {
  return get_row(txn_, key);
}

void write_transaction::put(std::string_view key, std::string_view value) {
  auto k = as_val(key);
  auto v = as_val(value);
  check(mdb_put(txn_, main_table, &k, &v, 0), "write a row");
}

char* write_transaction::reserve_new(std::string_view key, std::size_t size) {
  auto k = as_val(key);
  MDB_val v{size, nullptr};
  const int code = mdb_put(txn_, main_table, &k, &v, MDB_RESERVE | MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST)
    return nullptr;
  check(code, "write a row");
  return static_cast<char*>(v.mv_data);
}

bool write_transaction::erase(std::string_view key) {
  auto k = as_val(key);
  const int code = mdb_del(txn_, main_table, &k, nullptr);
  if (code == MDB_NOTFOUND)
    return false;
  check(code, "erase a row");
  return true;
}

void write_transaction::commit() {
  check(mdb_txn_commit(std::exchange(txn_, nullptr)), "commit");
}

// --- cursor -------------------------------------------------------------------------------------

cursor::cursor(const read_transaction& txn) : cursor{txn, main_table} {}

cursor::cursor(const read_transaction& txn, unsigned table) {
  check(mdb_cursor_open(txn.handle(), table, &cursor_), "open a cursor");
}

cursor cursor::over_freed_pages(const read_transaction& txn) {
  return {txn, freed_pages_table};
}

cursor::~cursor() {
  if (cursor_)
    mdb_cursor_close(cursor_);
}

cursor::cursor(cursor&& other) noexcept
    : cursor_{std::exchange(other.cursor_, nullptr)}, key_{other.key_}, value_{other.value_} {}

cursor& cursor::operator=(cursor&& other) noexcept {
  std::swap(cursor_, other.cursor_);
  std::swap(key_, other.key_);
  std::swap(value_, other.value_);
  return *this;
}

bool cursor::move(int operation) {
  auto k = as_val(key_);
  MDB_val v{};
  const int code = mdb_cursor_get(cursor_, &k, &v, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND)
    return false;
  check(code, "move a cursor");
  key_ = as_view(k);
  value_ = as_view(v);
  return true;
}

bool cursor::first() {
  return move(MDB_FIRST);
}
bool cursor::last() {
  return move(MDB_LAST);
}
bool cursor::next() {
  return move(MDB_NEXT);
}
bool cursor::previous() {
  return move(MDB_PREV);
}

bool cursor::seek(std::string_view key) {
  if (key.empty()) // LMDB refuses an empty key even for a search
    return first();
  key_ = key;
  return move(MDB_SET_RANGE);
}

bool cursor::seek_at_or_before(std::string_view key) {
  if (!seek(key))
    return last();
  return key_ == key || previous();
}

std::uint64_t count_freed_pages(const environment& env, std::uint64_t* rows) {
  const read_transaction txn{env};
  auto at = cursor::over_freed_pages(txn);
  std::uint64_t pages = 0, walked = 0;
  // A row is [transaction] → a list of page numbers that begins with its length.
  for (bool more = at.first(); more; more = at.next()) {
    std::size_t count = 0;
    if (at.value().size() >= sizeof count)
      std::memcpy(&count, at.value().data(), sizeof count);
    pages += count;
    ++walked;
  }
  if (rows)
    *rows = walked;
  return pages;
}

} // namespace carillon::storage
