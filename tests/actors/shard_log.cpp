#define CAF_SUITE shard_log
#define CAF_TEST_NO_MAIN
#include "actors/shard_log.hpp"
#include "storage/keys.hpp"
#include "tests/actors/node_fixture.hpp"

using namespace actor_tests;

namespace {

constexpr domain::shard_id number{3};

struct fixture : node_fixture {
  fixture() {
    log->open();
    held.at_once = false;
  }

  /// What a proposer hears, in the order of hearing.
  struct receipt {
    std::uint64_t account = 0;
    commit_receipt what;
  };
  std::vector<receipt> heard;

  void propose(std::uint64_t account, std::string entries, bool checkpoint = false) {
    domain::batch b{domain::account_id{account}, std::move(entries), {}, checkpoint};
    if (b.entries.empty())
      b.tables.push_back({storage::key(number, storage::row_kind::awake, account), "", false});
    log->propose(std::move(b), [this, account](const commit_receipt& r) { heard.push_back({account, r}); });
    sched.run();
  }
  std::vector<std::size_t> rows_under_way() const {
    std::vector<std::size_t> batches;
    for (const auto& row : held.rows)
      batches.push_back(row.what.batches.size());
    return batches;
  }

  std::shared_ptr<shard_log> log = std::make_shared<shard_log>(node, number, into(write));
};

using sizes = std::vector<std::size_t>;
using accounts = std::vector<std::uint64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(shard_log_tests, fixture)

CAF_TEST(batches that come while a row is under way share the next one) {
  propose(1, "first");
  propose(2, "second");
  propose(3, "third");
  CAF_CHECK_EQUAL(rows_under_way(), sizes{1});
  CAF_CHECK(heard.empty());
  commit_held();
  CAF_REQUIRE_EQUAL(heard.size(), 1u);
  CAF_CHECK_EQUAL(heard[0].account, 1u);
  CAF_CHECK(heard[0].what.ok);
  CAF_CHECK_EQUAL(rows_under_way(), sizes{2});
  commit_held();
  CAF_REQUIRE_EQUAL(heard.size(), 3u);
  CAF_CHECK_EQUAL(heard[1].what.seq, heard[0].what.seq + 1);
  CAF_CHECK_EQUAL(heard[2].what.seq, heard[1].what.seq);
  CAF_CHECK(heard[2].what.offset > heard[1].what.offset);
  CAF_CHECK(rows_under_way().empty());
}

CAF_TEST(a refused row leaves its seq to the next one) {
  propose(1, "first");
  propose(2, "second");
  refuse_held();
  CAF_REQUIRE_EQUAL(heard.size(), 1u);
  CAF_CHECK(!heard[0].what.ok);
  CAF_CHECK_EQUAL(heard[0].what.error, storage::commit_error::store_full);
  CAF_CHECK(log->unsaved().empty());
  commit_held();
  CAF_REQUIRE_EQUAL(heard.size(), 2u);
  CAF_CHECK(heard[1].what.ok);
  CAF_CHECK_EQUAL(heard[1].what.seq, 1u);
}

CAF_TEST(only what no checkpoint holds must be replayed) {
  propose(1, "first");
  CAF_CHECK_EQUAL(log->tail_of(domain::account_id{1}), 0u); // not committed yet
  commit_held();
  propose(2, "second");
  commit_held();
  CAF_CHECK_EQUAL(log->unsaved(), (accounts{1, 2}));
  CAF_CHECK_EQUAL(log->tail_of(domain::account_id{2}), 2u);
  CAF_CHECK_EQUAL(log->replay_from(), 1u);
  propose(1, "saves and goes on", true); // the tables hold what was before this row
  commit_held();
  CAF_CHECK_EQUAL(log->tail_of(domain::account_id{1}), 3u);
  CAF_CHECK_EQUAL(log->replay_from(), 2u);
  propose(1, "", true);
  propose(2, "", true);
  commit_held();
  commit_held();
  CAF_CHECK(log->unsaved().empty());
  CAF_CHECK_EQUAL(log->replay_from(), 4u); // rows of tables only have no seq
  CAF_REQUIRE_EQUAL(heard.size(), 5u);
  CAF_CHECK_EQUAL(heard[4].what.seq, 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
