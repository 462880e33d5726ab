#define CAF_SUITE backup
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/backup.hpp"
#include "storage/catalog.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"
#include "storage/membership.hpp"
#include "storage/replica_rows.hpp"
#include "storage/restore.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <span>
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

  static std::vector<std::string> one(std::string path) { return {std::move(path)}; }

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
  const auto summary = restore({&copy, 1}, restored);
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
  CAF_CHECK(message_of([&] { restore({&copy, 1}, directory); }).find("not empty") != std::string::npos);
  CAF_CHECK(message_of([&] { restore(one(folder.path + "/nothing"), restored); }).find("no store") !=
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
  CAF_CHECK(message_of([&] { restore({&copy, 1}, restored); }).find("damaged in log row 2") != std::string::npos);
  std::ofstream{copy + "/data.mdb", std::ios::trunc} << std::string(10'000, 'x');
  CAF_CHECK(message_of([&] { restore({&copy, 1}, restored); }).find("no Carillon store") != std::string::npos);
  CAF_CHECK(!std::filesystem::exists(restored + "/data.mdb"));
}

CAF_TEST(a cluster is restored from the backups of its nodes) {
  // Two nodes, of which none has all shards: the newest row of each copy, 0 for what is not whole.
  constexpr std::uint64_t newest[2][4]{{5, 8, 4, 9}, {6, 7, 0, 2}};
  store first{small_store(directory + "0")}, second{small_store(directory + "1")};
  const std::vector<std::string> both{first.identity().uuid, second.identity().uuid};
  std::vector<shard_members> members{{domain::system_shard, 1, both}, {domain::shard_id{2}, 3, {both[0]}},
                                     {domain::shard_id{3}, 4, {both[1]}}}; // the first has its copy of before
  for (std::uint16_t shard = 0; shard < first.identity().shards; ++shard)
    if (shard != 2 && shard != 3)
      members.push_back({domain::shard_id{shard}, 2, both});
  std::vector<std::string> copies;
  for (int node = 0; node < 2; ++node) {
    auto& s = node == 0 ? first : second;
    group_commit writer{s};
    const auto write = [&](domain::shard_id shard, std::uint64_t seq, std::vector<domain::table_write> tables) {
      std::vector<domain::batch> batches{entries_of(1, "newest row")};
      batches[0].tables = std::move(tables);
      const auto row = row_of(s, raw(shard), seq, batches);
      CAF_REQUIRE(writer.commit({&row, 1}).front().written);
    };
    const cluster_identity cluster{"eu", both[0], {}, s.identity().shards, 1};
    write(domain::system_shard, node + 1,
          {{membership_key(), encode_membership(cluster), false}, plan_members(members),
           plan_counter("account", node == 0 ? 3 : 7)});
    for (std::uint16_t s2 = 0; s2 < s.identity().shards; ++s2) {
      const domain::shard_id shard{s2};
      const auto seq = s2 < 4 ? newest[node][s2] : 1;
      replica_progress progress;
      progress.whole = seq != 0;
      auto tables = plan_whole(shard, progress);
      for (auto& row : plan_promise(shard, {9, "somebody"}))
        tables.push_back(std::move(row));
      // The newest row's table writes are staged, and not done.
      const std::vector<domain::table_write> staged{{key(shard, row_kind::account, 1), "of row " + std::to_string(seq), false}};
      tables.push_back({key(shard, row_kind::staged, std::max<std::uint64_t>(seq, 1)), encode_table_writes(staged), false});
      write(shard, std::max<std::uint64_t>(seq, 1), std::move(tables));
    }
    copies.push_back(copy + std::to_string(node));
    back_up(s, copies.back());
  }
  CAF_CHECK(message_of([&] { restore(std::span{copies}.first(1), restored); })
                .find("no backup has a whole copy of these shards of cluster \"eu\": 3; ") != std::string::npos);
  CAF_CHECK(message_of([&] { restore(std::span{copies}.last(1), restored); }).find("\"eu\": 2; ") != std::string::npos);
  restore(copies, restored);
  store s{small_store(restored)};
  CAF_CHECK(s.held());
  CAF_CHECK(!membership(s));
  CAF_CHECK(std::find(both.begin(), both.end(), s.identity().uuid) == both.end());
  CAF_CHECK_EQUAL(catalog{s}.counter("account"), 7 + restore_counter_jump);
  const log_reader reader{s};
  for (const auto& [shard, row] : std::map<std::uint16_t, int>{{0, 6}, {1, 8}, {2, 4}, {3, 2}, {63, 1}}) {
    CAF_CHECK_EQUAL(reader.get(key(domain::shard_id{shard}, row_kind::account, 1)).value_or(""),
                    "of row " + std::to_string(row));
    const auto replica = read_replica(s, domain::shard_id{shard});
    CAF_CHECK_EQUAL(replica.promise.epoch, 0u);
    CAF_CHECK(replica.progress.whole);
    CAF_CHECK_EQUAL(replica.progress.applied, replica.last.seq);
    CAF_CHECK_EQUAL(replica.last_staged, 0u);
  }
}

CAF_TEST(backups of a node alone and of a cluster do not mix) {
  std::vector<std::string> copies;
  for (const auto* name : {"", "eu", "us"}) {
    store s{small_store(directory + name)};
    group_commit writer{s};
    std::vector<domain::batch> system(1);
    system[0].tables = {plan_counter("account", 1)};
    if (*name != 0)
      system[0].tables.push_back({membership_key(), encode_membership({name, "founder", {}, s.identity().shards, 1}), false});
    const auto row = row_of(s, raw(domain::system_shard), 1, system);
    CAF_REQUIRE(writer.commit({&row, 1}).front().batches.front().ok);
    copies.push_back(copy + name);
    back_up(s, copies.back());
  }
  CAF_CHECK(message_of([&] { restore(std::span{copies}.first(2), restored); }).find("of a node alone") != std::string::npos);
  CAF_CHECK(message_of([&] { restore(std::span{copies}.last(2), restored); }).find("of another cluster") != std::string::npos);
  CAF_CHECK(!std::filesystem::exists(restored));
}

CAF_TEST_FIXTURE_SCOPE_END()
