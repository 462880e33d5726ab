#define CAF_SUITE group_commit
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

struct fixture {
  scratch_folder folder;
  std::unique_ptr<store> s = std::make_unique<store>(small_store(folder.path + "/s"));
  std::unique_ptr<group_commit> writer = std::make_unique<group_commit>(*s);

  void reopen() {
    writer.reset();
    s.reset();
    s = std::make_unique<store>(small_store(folder.path + "/s"));
    writer = std::make_unique<group_commit>(*s);
  }

  std::vector<row_result> commit(const std::vector<log_row>& rows) { return writer->commit(rows); }

  /// Entries in the shard's log, in order.
  std::vector<std::string> logged(std::uint16_t shard) const {
    std::vector<std::string> all;
    log_reader{*s}.scan(domain::shard_id{shard}, 1,
                        [&](const logged_batch& batch) { all.emplace_back(batch.entries); });
    return all;
  }

  bool has(const std::string& k) const { return log_reader{*s}.get(k).has_value(); }
};

/// Fills the small map with rows of about 100 KB until one is refused; the number that was taken.
std::uint64_t fill_map(fixture& self) {
  for (std::uint64_t seq = 1;; ++seq) {
    const auto result = self.commit({row_of(*self.s, 5, seq, {entries_of(5, std::string(100'000, 'f'))})});
    if (!result[0].written)
      return seq - 1;
    if (seq > 1000)
      throw std::runtime_error{"the map never gets full"};
  }
}

/// A disk of 24 MiB.
struct small_disk {
  small_disk(std::string where, const char* size) : path{std::move(where)} {
    std::filesystem::create_directory(path);
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size) == 0;
  }
  ~small_disk() {
    if (mounted)
      ::umount2(path.c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  std::string path;
  bool mounted = false;
};

bool ends_fatally(group_commit& writer, const std::vector<log_row>& rows) {
  try {
    writer.commit(rows);
    return false;
  } catch (const fatal_store_error&) {
    return true;
  }
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(group_commit_tests, fixture)

CAF_TEST(rows of several shards are there after reopening with their offsets) {
  const auto results = commit({row_of(*s, 1, 1, {entries_of(65, "first"), entries_of(129, "second!")}),
                               row_of(*s, 2, 1, {entries_of(66, "other shard")})});
  CAF_REQUIRE_EQUAL(results.size(), 2u);
  CAF_CHECK(results[0].written && results[0].batches[0].ok && results[0].batches[1].ok);
  reopen();
  std::vector<std::string> seen;
  log_reader{*s}.scan(domain::shard_id{1}, 1, [&](const logged_batch& batch) {
    CAF_CHECK_EQUAL(batch.seq, 1u);
    CAF_CHECK_EQUAL(batch.offset, results[0].batches[seen.size()].offset);
    CAF_CHECK_EQUAL(batch.stamp.life, 1u);
    CAF_CHECK_EQUAL(domain::raw(batch.account), seen.empty() ? 65u : 129u);
    seen.emplace_back(batch.entries);
  });
  CAF_CHECK(seen == std::vector<std::string>({"first", "second!"}));
  const auto value = *log_reader{*s}.get(key(domain::shard_id{1}, row_kind::log, 1));
  CAF_CHECK_EQUAL(value.substr(results[0].batches[1].offset, 7), "second!");
  CAF_CHECK(logged(2) == std::vector<std::string>{"other shard"});
  CAF_CHECK_EQUAL(writer->stats().commits, 0u);
}

CAF_TEST(a call is one commit however many rows) {
  std::vector<log_row> rows;
  for (std::uint16_t shard = 0; shard < 64; ++shard)
    rows.push_back(row_of(*s, shard, 1, {entries_of(shard, "e")}));
  commit(rows);
  CAF_CHECK_EQUAL(writer->stats().commits, 1u);
  CAF_CHECK_EQUAL(writer->stats().batches, 64u);
  commit({});
  CAF_CHECK_EQUAL(writer->stats().commits, 1u);
}

CAF_TEST(table writes go with their row) {
  const auto k1 = key(domain::shard_id{1}, row_kind::account, 1),
             k2 = key(domain::shard_id{1}, row_kind::account, 2);
  auto batch = entries_of(1, "x");
  batch.tables = {{k1, "one", false}, {k2, "two", false}};
  commit({row_of(*s, 1, 1, {batch})});
  CAF_CHECK_EQUAL(log_reader{*s}.get(k1).value_or(""), "one");
  batch.tables = {{k1, "", true}, {k2, "three", false}};
  commit({row_of(*s, 1, 2, {batch})});
  CAF_CHECK(!has(k1));
  CAF_CHECK_EQUAL(log_reader{*s}.get(k2).value_or(""), "three");
}

CAF_TEST(a row of only table writes is done but not written) {
  const auto k = key(domain::shard_id{1}, row_kind::account, 1);
  const auto results = commit({row_of(*s, 1, 1, {{domain::account_id{1}, {}, {{k, "v", false}}}})});
  CAF_CHECK(!results[0].written);
  CAF_CHECK(results[0].batches[0].ok);
  CAF_CHECK(has(k));
  CAF_CHECK_EQUAL(log_reader{*s}.next_seq(domain::shard_id{1}), 1u);
}

CAF_TEST(a batch with a bad key fails alone) {
  auto bad = entries_of(2, "bad");
  bad.tables = {{key(domain::shard_id{1}, row_kind::account, 2), "v", false},
                {std::string(512, 'k'), "v", false}};
  auto empty_key = entries_of(3, "bad too");
  empty_key.tables = {{"", "v", true}};
  const auto results = commit({row_of(*s, 1, 1, {entries_of(1, "a"), bad, empty_key, entries_of(4, "d")})});
  CAF_CHECK(results[0].written);
  CAF_CHECK(results[0].batches[0].ok && results[0].batches[3].ok);
  CAF_CHECK_EQUAL(results[0].batches[1].error, commit_error::bad_key);
  CAF_CHECK_EQUAL(results[0].batches[2].error, commit_error::bad_key);
  CAF_CHECK(logged(1) == std::vector<std::string>({"a", "d"}));
  CAF_CHECK(!has(key(domain::shard_id{1}, row_kind::account, 2)));
  CAF_CHECK_EQUAL(writer->stats().commits, 1u);
}

CAF_TEST(a seq that is taken is never overwritten) {
  commit({row_of(*s, 1, 1, {entries_of(1, "truth")})});
  auto batch = entries_of(1, "lie");
  batch.tables = {{key(domain::shard_id{1}, row_kind::account, 1), "lie", false}};
  const auto results = commit({row_of(*s, 1, 1, {batch}), row_of(*s, 2, 1, {entries_of(2, "fine")})});
  CAF_CHECK_EQUAL(results[0].batches[0].error, commit_error::seq_taken);
  CAF_CHECK(!results[0].written);
  CAF_CHECK(results[1].written);
  CAF_CHECK(logged(1) == std::vector<std::string>{"truth"});
  CAF_CHECK(!has(key(domain::shard_id{1}, row_kind::account, 1)));
}

CAF_TEST(a batch that is too big for the map fails alone) {
  const std::string huge(20'000'000, 'h');
  const auto results =
      commit({row_of(*s, 1, 1, {entries_of(1, "a"), entries_of(2, huge), entries_of(3, "c")}),
              row_of(*s, 2, 1, {entries_of(4, "d")})});
  CAF_CHECK(results[0].written && results[1].written);
  CAF_CHECK(results[0].batches[0].ok && results[0].batches[2].ok && results[1].batches[0].ok);
  CAF_CHECK_EQUAL(results[0].batches[1].error, commit_error::store_full);
  reopen();
  CAF_CHECK(logged(1) == std::vector<std::string>({"a", "c"}));
  CAF_CHECK(logged(2) == std::vector<std::string>{"d"});
}

CAF_TEST(of a row that does not fit the most of its smallest batches are written) {
  std::vector<domain::batch> batches;
  for (std::uint64_t i = 0; i < 10; ++i)
    batches.push_back(entries_of(i, std::string(3'000'000, static_cast<char>('0' + i))));
  batches.push_back(entries_of(10, "outcome"));
  const auto results = commit({row_of(*s, 1, 1, batches)});
  CAF_REQUIRE(results[0].written);
  CAF_CHECK(results[0].batches[10].ok);
  const auto taken = std::count_if(results[0].batches.begin(), results[0].batches.end(),
                                   [](const auto& batch) { return batch.ok; });
  CAF_CHECK(taken >= 4);
  CAF_CHECK(taken <= 6);
  const auto entries = logged(1);
  CAF_CHECK_EQUAL(entries.size(), static_cast<std::size_t>(taken));
}

CAF_TEST(behind a row that is not written no row of its shard is) {
  const auto results =
      commit({row_of(*s, 1, 1, {entries_of(1, std::string(20'000'000, 'h'))}),
              row_of(*s, 1, 2, {entries_of(1, "after")}), row_of(*s, 2, 1, {entries_of(2, "other")})});
  CAF_CHECK_EQUAL(results[0].batches[0].error, commit_error::store_full);
  CAF_CHECK_EQUAL(results[1].batches[0].error, commit_error::earlier_row_failed);
  CAF_CHECK(!results[1].written);
  CAF_CHECK(results[2].written);
  CAF_CHECK(logged(1).empty());
  CAF_CHECK_EQUAL(log_reader{*s}.next_seq(domain::shard_id{1}), 1u);
}

CAF_TEST(a full map refuses rows and keeps the earlier ones) {
  const auto taken = fill_map(*this);
  CAF_CHECK(taken > 100);
  s->fill();
  CAF_CHECK(s->full());
  CAF_CHECK_EQUAL(logged(5).size(), taken);
  // What is small still fits, beside one that doesn't.
  const auto results = commit({row_of(*s, 5, taken + 1, {entries_of(5, std::string(500'000, 'x'))}),
                               row_of(*s, 6, 1, {entries_of(6, "outcome")})});
  CAF_CHECK_EQUAL(results[0].batches[0].error, commit_error::store_full);
  CAF_CHECK(results[1].written);
  reopen();
  CAF_CHECK_EQUAL(logged(5).size(), taken);
  CAF_CHECK(logged(6) == std::vector<std::string>{"outcome"});
}

CAF_TEST(erasing in small steps makes room in a full map) {
  const auto taken = fill_map(*this);
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    CAF_REQUIRE(erase_table(*writer, key(domain::shard_id{5}, row_kind::log, seq)));
  const auto results = commit({row_of(*s, 5, taken + 1, {entries_of(5, std::string(100'000, 'n'))})});
  CAF_CHECK(results[0].written);
}

CAF_TEST(an erasing batch goes first when the store is full) {
  const auto taken = fill_map(*this);
  std::vector<domain::table_write> erases;
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    erases.push_back({key(domain::shard_id{5}, row_kind::log, seq), {}, true});
  // The row alone would not fit; what makes room for it stands behind it.
  const auto results = commit({row_of(*s, 5, taken + 1, {entries_of(5, std::string(100'000, 'n'))}),
                               row_of(*s, 7, 1, {{domain::account_id{7}, {}, erases}})});
  CAF_CHECK(results[0].written);
  CAF_CHECK(results[1].batches[0].ok);
}

CAF_TEST(an input or output error ends everything) {
  commit({row_of(*s, 1, 1, {entries_of(1, "a")})});
  writer->on_step([](std::string_view step) {
    if (step == "before-commit")
      throw lmdb_error{EIO, "commit"};
  });
  const std::vector<log_row> rows{row_of(*s, 1, 2, {entries_of(1, "b")})};
  CAF_CHECK(ends_fatally(*writer, rows));
  writer->on_step({});
  CAF_CHECK(ends_fatally(*writer, rows));
  CAF_CHECK(logged(1) == std::vector<std::string>{"a"});
}

CAF_TEST(a disk full at the commit refuses and the next commit works) {
  bool armed = true;
  writer->on_step([&](std::string_view step) {
    if (armed && step == "before-commit")
      throw lmdb_error{ENOSPC, "commit"};
  });
  const std::vector<log_row> rows{row_of(*s, 1, 1, {entries_of(1, "a"), entries_of(2, "b")})};
  const auto results = writer->commit(rows);
  CAF_CHECK(!results[0].written);
  CAF_CHECK_EQUAL(results[0].batches[0].error, commit_error::store_full);
  CAF_CHECK_EQUAL(results[0].batches[1].error, commit_error::store_full);
  armed = false;
  CAF_CHECK(writer->commit(rows)[0].written);
}

CAF_TEST(a process killed before the commit leaves nothing and after it all) {
  for (const std::string step : {"before-commit", "after-commit"}) {
    const auto directory = folder.path + "/killed-" + step;
    const auto child = ::fork();
    if (child == 0) {
      try {
        store own{small_store(directory)};
        group_commit w{own};
        w.commit(std::vector<log_row>{row_of(own, 1, 1, {entries_of(1, "old")})});
        w.on_step([&](std::string_view at) {
          if (at == step)
            ::_exit(0);
        });
        w.commit(std::vector<log_row>{row_of(own, 1, 2, {entries_of(1, "new")})});
      } catch (...) {
      }
      ::_exit(1);
    }
    int status = 0;
    CAF_REQUIRE(::waitpid(child, &status, 0) == child);
    CAF_CHECK_EQUAL(status, 0);
    store own{small_store(directory)};
    CAF_CHECK_EQUAL(log_reader{own}.next_seq(domain::shard_id{1}), step == "before-commit" ? 2u : 3u);
  }
}

CAF_TEST(random rows against a model) {
  std::mt19937 random{20250101};
  std::map<std::uint16_t, std::vector<std::string>> model;
  std::map<std::string, std::string> tables;
  for (int round = 0; round < 150; ++round) {
    std::vector<log_row> rows;
    for (std::uint16_t shard = 0; shard < 6; ++shard) {
      if (random() % 2)
        continue;
      std::vector<domain::batch> batches;
      for (auto left = 1 + random() % 4; left > 0; --left) {
        auto batch = entries_of(
            shard,
            random() % 5 ? std::string(random() % 3000 + 1, 'a' + static_cast<char>(random() % 26)) : "");
        for (auto t = random() % 3; t > 0; --t)
          batch.tables.push_back({key(domain::shard_id{shard}, row_kind::account, random() % 20),
                                  std::to_string(random()), random() % 3 == 0});
        batches.push_back(std::move(batch));
      }
      rows.push_back(row_of(*s, shard, log_reader{*s}.next_seq(domain::shard_id{shard}), std::move(batches)));
    }
    const auto results = commit(rows);
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t b = 0; b < rows[r].batches.size(); ++b) {
        const auto& batch = rows[r].batches[b];
        if (!results[r].batches[b].ok) {
          CAF_REQUIRE_EQUAL(results[r].batches[b].error, commit_error::store_full);
          continue;
        }
        if (!batch.entries.empty())
          model[domain::raw(rows[r].shard)].push_back(batch.entries);
        for (const auto& write : batch.tables) {
          if (write.erase)
            tables.erase(write.key);
          else
            tables[write.key] = write.value;
        }
      }
    if (round % 50 == 49)
      reopen();
  }
  for (std::uint16_t shard = 0; shard < 6; ++shard) {
    CAF_CHECK(logged(shard) == model[shard]);
    for (const auto& [k, v] :
         log_reader{*s}.range(key(domain::shard_id{shard}, row_kind::account), {}, 1000)) {
      CAF_REQUIRE(tables.count(k) == 1);
      CAF_REQUIRE_EQUAL(tables[k], v);
      tables.erase(k);
    }
  }
  CAF_CHECK(tables.empty());
}

CAF_TEST(a full disk refuses what does not fit and gives up the ballast) {
  const small_disk disk{folder.path + "/disk", "size=24m"};
  const auto& mount_point = disk.path;
  if (!disk.mounted) {
    CAF_MESSAGE("skipped: mounting a small tmpfs needs root");
    return;
  }
  {
    // 1 % of the disk: about 245 KB.
    store own{{mount_point + "/s", std::uint64_t{1} << 30, std::uint64_t{64} << 20}};
    group_commit w{own};
    const auto ballast = mount_point + "/s/ballast";
    CAF_CHECK(std::filesystem::exists(ballast));
    std::uint64_t seq = 1;
    bool full_seen = false;
    for (; seq < 2000; ++seq) {
      const auto result =
          w.commit(std::vector<log_row>{row_of(own, 5, seq, {entries_of(5, std::string(50'000, 'd'))})});
      full_seen = full_seen || own.full();
      if (!result[0].written) {
        CAF_CHECK_EQUAL(result[0].batches[0].error, commit_error::store_full);
        break;
      }
    }
    CAF_CHECK(seq > 200);
    CAF_CHECK(seq < 500);
    CAF_CHECK(!std::filesystem::exists(ballast));
    own.fill();
    CAF_CHECK(own.full());
    // Erasing goes on, and what is freed is used again.
    for (std::uint64_t old = 1; old < 40; ++old)
      CAF_REQUIRE(erase_table(w, key(domain::shard_id{5}, row_kind::log, old)));
    CAF_CHECK(w.commit(std::vector<log_row>{row_of(own, 5, seq, {entries_of(5, "outcome")})})[0].written);
    CAF_CHECK_EQUAL(log_reader{own}.next_seq(domain::shard_id{5}), seq + 1);
  }
  {
    store own{{mount_point + "/s", std::uint64_t{1} << 30, std::uint64_t{64} << 20}};
    std::size_t rows = 0;
    log_reader{own}.scan(domain::shard_id{5}, 1, [&](const logged_batch&) { ++rows; });
    CAF_CHECK(rows > 150);
  }
}

CAF_TEST(a disk that others filled closes ingestion until it has room again) {
  const small_disk disk{folder.path + "/disk", "size=64m"};
  if (!disk.mounted) {
    CAF_MESSAGE("skipped: mounting a small tmpfs needs root");
    return;
  }
  store own{{disk.path + "/s", std::uint64_t{1} << 30, std::uint64_t{64} << 20}};
  group_commit w{own};
  const auto commit_one = [&](std::uint64_t seq, std::size_t size) {
    return w.commit(std::vector<log_row>{row_of(own, 5, seq, {entries_of(5, std::string(size, 'd'))})})[0]
        .written;
  };
  CAF_REQUIRE(commit_one(1, 100));
  CAF_CHECK(!own.full());
  const auto filler = disk.path + "/filler";
  {
    std::ofstream out{filler, std::ios::binary};
    const std::string block(4096, 'x');
    while (out << block << std::flush) {
    }
  }
  CAF_CHECK(!commit_one(2, 20'000'000)); // more than the blocks that the data file has ahead
  CAF_CHECK(!std::filesystem::exists(disk.path + "/s/ballast"));
  // Far from 85 % of what is left, but what is left is the ballast's.
  const auto fill = own.fill();
  CAF_CHECK(static_cast<double>(fill.used) < 0.5 * static_cast<double>(fill.limit));
  CAF_CHECK(own.full());
  CAF_CHECK(commit_one(2, 500));
  std::filesystem::remove(filler);
  // No commit is needed to find that out; it is looked at once a second.
  for (int i = 0; own.full() && i < 2000; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  CAF_CHECK(!own.full());
  CAF_CHECK(std::filesystem::exists(disk.path + "/s/ballast"));
  CAF_CHECK(commit_one(3, 20'000'000));
}

CAF_TEST_FIXTURE_SCOPE_END()
