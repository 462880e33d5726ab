#define CAF_SUITE table_ops
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"
#include "storage/table_ops.hpp"

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

constexpr domain::shard_id shard{3};
/// Up to the account in a key.
constexpr std::size_t account_group = key_head_size + sizeof(std::uint64_t);
const domain::wall_time noon{std::chrono::hours{500'000}};

struct fixture {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  group_commit writer{s};

  std::string missed(std::uint64_t account, std::uint64_t number) const {
    return key(shard, row_kind::missed, account, number);
  }

  void put_missed(std::uint64_t account, std::uint64_t count) {
    std::vector<domain::table_write> writes;
    for (std::uint64_t i = 1; i <= count; ++i)
      writes.push_back({missed(account, i), i % 3 ? "keep" : "drop", false});
    CAF_REQUIRE(commit_tables(writer, writes));
  }

  void put_mark(std::uint64_t seq) {
    CAF_REQUIRE(put_table(writer, key(shard, row_kind::mark), frame_u64(seq)));
  }

  void append(std::uint64_t seq, std::chrono::minutes after_noon) {
    auto row = row_of(s, 3, seq, {entries_of(3, "e")});
    row.stamp.wall = noon + after_noon;
    CAF_REQUIRE(writer.commit({&row, 1}).front().written);
  }

  /// The seqs of the log rows that would be erased.
  std::string old_rows(std::chrono::minutes after_noon, std::uint64_t below,
                       const step_limits& limits = {}) const {
    std::string seqs;
    for (const auto& write : oldest_log_rows(s, shard, noon + after_noon, below, limits).writes)
      seqs += std::to_string(*number_in_key(write.key, key_head_size)) + (write.erase ? " " : "! ");
    return seqs;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(table_ops_tests, fixture)

CAF_TEST(a range is erased in steps and nothing beside it) {
  put_missed(1, 25);
  put_missed(2, 25);
  put_missed(3, 25);
  const auto prefix = key(shard, row_kind::missed, 2);
  std::string from;
  std::size_t steps = 0, erased = 0;
  do {
    const auto plan = collect_range(s, prefix, from, {}, {.erases = 10, .visited = 1000});
    CAF_CHECK(plan.writes.size() <= 10);
    erased += plan.writes.size();
    CAF_REQUIRE(commit_tables(writer, plan.writes));
    from = plan.resume;
    ++steps;
  } while (!from.empty());
  CAF_CHECK_EQUAL(steps, 3u);
  CAF_CHECK_EQUAL(erased, 25u);
  const log_reader reader{s};
  CAF_CHECK_EQUAL(reader.range(key(shard, row_kind::missed, 1), "", 100).size(), 25u);
  CAF_CHECK(reader.range(prefix, "", 100).empty());
  CAF_CHECK_EQUAL(reader.range(key(shard, row_kind::missed, 3), "", 100).size(), 25u);
}

CAF_TEST(bounds of a range are from inclusive and to exclusive) {
  put_missed(1, 10);
  const auto prefix = key(shard, row_kind::missed, 1);
  const auto plan = collect_range(s, prefix, missed(1, 4), missed(1, 7));
  CAF_REQUIRE_EQUAL(plan.writes.size(), 3u);
  CAF_CHECK(plan.writes[0].key == missed(1, 4));
  CAF_CHECK(plan.writes[2].key == missed(1, 6));
  CAF_CHECK(plan.done());
  CAF_CHECK(collect_range(s, key(shard, row_kind::missed, 9), {}, {}).writes.empty());
}

CAF_TEST(a walk for what is past visits boundedly and resumes where it stopped) {
  put_missed(1, 30);
  const auto prefix = key(shard, row_kind::missed, 1);
  const auto drop = [](std::string_view value) { return value == "drop" ? verdict::erase : verdict::keep; };
  const auto first = collect_past(s, prefix, {}, account_group, drop, {.erases = 100, .visited = 7});
  CAF_CHECK_EQUAL(first.writes.size(), 2u);
  CAF_CHECK(first.resume == missed(1, 8));
  std::size_t all = 0;
  std::string from;
  do {
    const auto plan = collect_past(s, prefix, from, account_group, drop, {.erases = 3, .visited = 7});
    all += plan.writes.size();
    from = plan.resume;
  } while (!from.empty());
  CAF_CHECK_EQUAL(all, 10u);
}

CAF_TEST(a group that is kept from a row on is not walked) {
  for (const std::uint64_t account : {1, 2, 3})
    put_missed(account, 1000);
  const auto prefix = key(shard, row_kind::missed);
  std::size_t seen = 0;
  const auto first_two = [&seen, of_group = 0](std::string_view) mutable {
    ++seen;
    return ++of_group % 3 == 0 ? verdict::keep_group : verdict::erase;
  };
  const auto plan = collect_past(s, prefix, {}, account_group, first_two);
  CAF_CHECK(plan.done());
  CAF_CHECK_EQUAL(seen, 9u);
  CAF_REQUIRE_EQUAL(plan.writes.size(), 6u);
  CAF_CHECK(plan.writes[1].key == missed(1, 2));
  CAF_CHECK(plan.writes[5].key == missed(3, 2));
}

CAF_TEST(only batches that erase and do nothing else count as erasing) {
  put_missed(1, 30);
  CAF_REQUIRE(commit_tables(writer, {{missed(1, 1), {}, true}, {missed(1, 2), "new", false}}));
  CAF_CHECK_EQUAL(writer.stats().erasing.count(), 0);
  CAF_REQUIRE(commit_tables(writer, collect_range(s, key(shard, row_kind::missed), {}, {}).writes));
  CAF_CHECK(writer.stats().erasing.count() > 0);
}

CAF_TEST(log rows go by age and never from the mark on) {
  using std::chrono::minutes;
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    append(seq, minutes{static_cast<int>(seq)});
  CAF_CHECK_EQUAL(old_rows(minutes{100}, 100), ""); // no mark: a start needs them all
  put_mark(5);
  CAF_CHECK_EQUAL(old_rows(minutes{100}, 100), "1 2 3 4 ");
  CAF_CHECK_EQUAL(old_rows(minutes{3}, 100), "1 2 ");
  CAF_CHECK_EQUAL(old_rows(minutes{100}, 3), "1 2 ");
  CAF_CHECK_EQUAL(old_rows(minutes{1}, 100), "");
  CAF_CHECK_EQUAL(old_rows(minutes{100}, 100, {.erases = 3, .visited = 100}), "1 2 3 ");
}

CAF_TEST(rows of a clock that was ahead go with those behind them) {
  using std::chrono::minutes;
  append(1, minutes{1});
  append(2, minutes{5'000'000});
  append(3, minutes{5'000'001});
  append(4, minutes{2});
  append(5, minutes{3});
  append(6, minutes{90});
  put_mark(7);
  CAF_CHECK_EQUAL(old_rows(minutes{60}, 100), "1 2 3 4 5 ");
}

CAF_TEST_FIXTURE_SCOPE_END()
