#pragma once

#include "storage/store_error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

/// LMDB as move-only owners: a destructor aborts, only `commit` commits. Values are views into the map, valid
/// until their transaction ends (in a write transaction: until its next write).
///
/// One environment per file and process, at any time, also over `fork`.
namespace carillon::storage {

/// What LMDB or the system said, with its code (an `MDB_…` or an errno).
class lmdb_error : public store_error {
public:
  /// `doing` completes "LMDB can't …".
  lmdb_error(int code, const std::string& doing);
  int code() const noexcept { return code_; }
  /// Map, disk, quota or transaction are full: the same without some of the writes may succeed.
  bool full() const noexcept;

private:
  int code_;
};

struct environment_options {
  std::string path;           ///< a directory that exists; the data file itself with `single_file`
  std::uint64_t map_size = 0; ///< bytes; 0: as the file says
  bool read_only = false;     ///< and without lock file: for a copy that nobody writes
  bool single_file = false;
};

class environment {
public:
  /// Opens or creates, in default sync mode, files 0600. Throws lmdb_error.
  explicit environment(const environment_options& options);
  ~environment();
  environment(environment&& other) noexcept;
  environment& operator=(environment&& other) noexcept;

  MDB_env* handle() const noexcept { return env_; }
  std::uint64_t map_size() const noexcept;  ///< bytes
  std::uint64_t last_page() const noexcept; ///< number of the highest page ever used; never falls
  std::uint64_t page_size() const noexcept; ///< bytes
  int data_file() const noexcept;           ///< the data file's descriptor; the environment's own

  /// Frees the reader slots of dead processes; their count.
  int clear_stale_readers();
  /// Writes a consistent compacted copy to an open file, from any thread. A long reader: pages freed
  /// meanwhile are not reused. Throws lmdb_error.
  void copy_compacted(int file) const;

private:
  MDB_env* env_ = nullptr;
};

/// A snapshot. Short ones only: a reader keeps every page freed since. Not bound to a thread, but used by one
/// at a time.
class read_transaction {
public:
  explicit read_transaction(const environment& env);
  ~read_transaction();
  read_transaction(read_transaction&& other) noexcept;
  read_transaction& operator=(read_transaction&& other) noexcept;

  std::optional<std::string_view> get(std::string_view key) const;
  std::uint64_t rows() const; ///< in all tables
  MDB_txn* handle() const noexcept { return txn_; }

private:
  MDB_txn* txn_ = nullptr;
};

/// The writer's, bound to its thread. After an lmdb_error it can only be aborted.
class write_transaction {
public:
  explicit write_transaction(environment& env);
  ~write_transaction();
  write_transaction(write_transaction&& other) noexcept;
  write_transaction& operator=(write_transaction&& other) noexcept;

  std::optional<std::string_view> get(std::string_view key) const;
  void put(std::string_view key, std::string_view value);
  /// Room for a new row's value, to be filled before the next write; null when the key exists (nothing is
  /// changed).
  char* reserve_new(std::string_view key, std::size_t size);
  /// False when the key was not there.
  bool erase(std::string_view key);
  /// Durable when it returns. Throws lmdb_error; the transaction is over either way.
  void commit();

private:
  MDB_txn* txn_ = nullptr;
};

/// A place in the order of keys; must end before its transaction. The moves return whether there is a row at
/// the place.
class cursor {
public:
  explicit cursor(const read_transaction& txn);
  /// Over LMDB's own table of freed pages.
  static cursor over_freed_pages(const read_transaction& txn);
  ~cursor();
  cursor(cursor&& other) noexcept;
  cursor& operator=(cursor&& other) noexcept;

  bool first();
  bool last();
  bool next();
  bool previous();
  bool seek(std::string_view key);              ///< the first row with its key ≥ key
  bool seek_at_or_before(std::string_view key); ///< the last row with its key ≤ key
  std::string_view key() const noexcept { return key_; }
  std::string_view value() const noexcept { return value_; }

private:
  cursor(const read_transaction& txn, unsigned table);
  bool move(int operation);

  MDB_cursor* cursor_ = nullptr;
  std::string_view key_, value_;
};

/// Pages in LMDB's table of freed pages; `rows`, if given, gets the number of rows that were walked for it.
std::uint64_t count_freed_pages(const environment& env, std::uint64_t* rows = nullptr);

} // namespace carillon::storage
