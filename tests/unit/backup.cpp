#define CAF_SUITE backup
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/backup.hpp"
#include "storage/catalog.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"

#include <atomic>
#include <fstream>
#include <sys/stat.h>
#include <thread>

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

struct fixture {
  scratch_folder folder;
  std::string directory = folder.path + "/s";
  std::string copy = folder.path + "/parent/copy";
  std::string restored = folder.path + "/restored";

  void fill(group_commit& writer, const store& s, std::uint64_t from, std::uint64_t to) {
    for (auto seq = from; seq <= to; ++seq) {
      auto batch = entries_of(5, "entries of " + std::to_string(seq));
      batch.tables = {{key(domain::shard_id{5}, row_kind::account, 5), std::to_string(seq), false}};
      const auto row = row_of(s, 5, seq, {batch});
      CAF_REQUIRE(writer.commit({&row, 1}).front().written);
    }
  }

  /// The number of rows in the log, which must be without gaps and end where the table says.
  static std::uint64_t checked_rows(const store& s) {
    std::uint64_t rows = 0;
    const log_reader reader{s};
    reader.scan(domain::shard_id{5}, 1, [&](const logged_batch& batch) {
      CAF_REQUIRE_EQUAL(batch.seq, ++rows);
      CAF_REQUIRE_EQUAL(batch.entries, "entries of " + std::to_string(rows));
    });
    CAF_CHECK_EQUAL(reader.get(key(domain::shard_id{5}, row_kind::account, 5)).value_or("0"),
                    std::to_string(rows));
    return rows;
  }

  static mode_t mode_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(backup_tests, fixture)

CAF_TEST(a copy of a running store opens and holds what was committed) {
  store s{small_store(directory)};
  group_commit writer{s};
  fill(writer, s, 1, 20);
  const auto summary = back_up(s, copy);
  CAF_CHECK_EQUAL(summary.identity.uuid, s.identity().uuid);
  CAF_CHECK_EQUAL(summary.rows, 22u); // log, header, table row
  CAF_CHECK(summary.bytes > 0);
  CAF_CHECK_EQUAL(mode_of(copy), 0700u);
  CAF_CHECK_EQUAL(mode_of(copy + "/data.mdb"), 0600u);
  CAF_CHECK_EQUAL(std::distance(std::filesystem::directory_iterator{copy}, {}), 1);
  fill(writer, s, 21, 22); // the store goes on
  store opened{small_store(copy)};
  CAF_CHECK_EQUAL(checked_rows(opened), 20u);
}

CAF_TEST(a copy taken while the writer commits is one moment of the store) {
  store s{small_store(directory)};
  group_commit writer{s};
  fill(writer, s, 1, 5);
  std::atomic<bool> copied{false};
  std::atomic<bool> failed{false};
  std::thread other{[&] {
    try {
      for (int i = 0; i < 5; ++i)
        back_up(s, copy + std::to_string(i));
    } catch (const std::exception&) {
      failed = true;
    }
    copied = true;
  }};
  std::uint64_t seq = 6;
  for (; !copied; ++seq)
    fill(writer, s, seq, seq);
  other.join();
  CAF_REQUIRE(!failed);
  std::uint64_t before = 5;
  for (int i = 0; i < 5; ++i) {
    store opened{small_store(copy + std::to_string(i))};
    const auto rows = checked_rows(opened);
    CAF_CHECK(rows >= before);
    CAF_CHECK(rows < seq);
    before = rows;
  }
}

CAF_TEST(a full destination is refused and left alone) {
  store s{small_store(directory)};
  std::filesystem::create_directories(copy);
  std::ofstream{copy + "/precious"} << "x";
  CAF_CHECK(message_of([&] { back_up(s, copy); }).find("not empty") != std::string::npos);
  CAF_CHECK(std::filesystem::exists(copy + "/precious"));
  CAF_CHECK(!std::filesystem::exists(copy + "/data.mdb"));
  std::filesystem::remove(copy + "/precious");
  CAF_CHECK_EQUAL(message_of([&] { back_up(s, copy); }), "");
}

CAF_TEST(a closed store is copied and an open one names its process) {
  {
    store s{small_store(directory)};
    group_commit writer{s};
    fill(writer, s, 1, 3);
    CAF_CHECK(message_of([&] { back_up_closed(directory, copy); }).find("in use by process") !=
              std::string::npos);
  }
  CAF_CHECK_EQUAL(back_up_closed(directory, copy).rows, 5u);
  CAF_CHECK(message_of([&] { back_up_closed(folder.path + "/none", copy + "2"); }).find("no store") !=
            std::string::npos);
}

CAF_TEST(a restore raises generation and counters and starts held until released) {
  std::uint32_t generation = 0;
  {
    store s{small_store(directory)};
    generation = s.identity().generation;
    group_commit writer{s};
    fill(writer, s, 1, 20);
    CAF_REQUIRE(commit_tables(writer, {plan_counter("account", 7), plan_counter("subscription", 0)}));
    CAF_REQUIRE(commit_tables(
        writer, {{key(domain::shard_id{9}, row_kind::counter, "own"), plan_counter("", 41).value, false}}));
    back_up(s, copy);
  }
  const auto summary = restore(copy, restored);
  CAF_CHECK(summary.identity.generation > generation);
  CAF_CHECK_EQUAL(mode_of(restored + "/data.mdb"), 0600u);
  CAF_CHECK_EQUAL(mode_of(restored), 0700u);
  {
    store s{small_store(restored)};
    CAF_CHECK_EQUAL(s.identity().generation, summary.identity.generation);
    CAF_CHECK(s.identity().held);
    CAF_CHECK(s.held());
    CAF_CHECK_EQUAL(s.life(), 2u);
    CAF_CHECK_EQUAL(checked_rows(s), 20u);
    CAF_CHECK_EQUAL(catalog{s}.counter("account"), 7 + restore_counter_jump);
    CAF_CHECK_EQUAL(catalog{s}.counter("subscription"), restore_counter_jump);
    CAF_CHECK(log_reader{s}.get(key(domain::shard_id{9}, row_kind::counter, "own")) ==
              plan_counter("", 41 + restore_counter_jump).value);
  }
  {
    store s{small_store(restored)};
    CAF_CHECK(s.held()); // a restart releases nothing
    s.release();
    CAF_CHECK(!s.held());
    s.rewrite_header();
  }
  store s{small_store(restored)};
  CAF_CHECK(!s.held());
  CAF_CHECK_EQUAL(s.identity().generation, summary.identity.generation);
  // The backup itself is as it was.
  CAF_CHECK_EQUAL(inspect(copy, inspection::thorough).identity.generation, generation);
}

CAF_TEST(a restore needs an empty directory and a sound backup) {
  {
    store s{small_store(directory)};
    group_commit writer{s};
    fill(writer, s, 1, 3);
    back_up(s, copy);
  }
  CAF_CHECK(message_of([&] { restore(copy, directory); }).find("not empty") != std::string::npos);
  CAF_CHECK(message_of([&] { restore(folder.path + "/nothing", restored); }).find("no store") !=
            std::string::npos);
  CAF_CHECK(!std::filesystem::exists(restored));
  {
    environment env{{.path = copy + "/data.mdb", .map_size = std::uint64_t{16} << 20, .single_file = true}};
    write_transaction txn{env};
    const auto k = key(domain::shard_id{5}, row_kind::log, 2);
    std::string value{*txn.get(k)};
    value.back() = static_cast<char>(value.back() ^ 1);
    txn.put(k, value);
    txn.commit();
  }
  CAF_CHECK(message_of([&] { restore(copy, restored); }).find("damaged in log row 2") != std::string::npos);
  std::ofstream{copy + "/data.mdb", std::ios::trunc} << std::string(10'000, 'x');
  CAF_CHECK(message_of([&] { restore(copy, restored); }).find("no Carillon store") != std::string::npos);
  CAF_CHECK(!std::filesystem::exists(restored + "/data.mdb"));
}

CAF_TEST_FIXTURE_SCOPE_END()
