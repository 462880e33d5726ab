#define CAF_SUITE replica_rows
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/replica_rows.hpp"

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

constexpr domain::shard_id shard{5};

struct fixture {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  group_commit writer{s};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(replica_rows_tests, fixture)

CAF_TEST(a copy stays known by its base and epoch when it is whole) {
  replica_progress progress;
  progress.whole = false;
  progress.base = {3, 18};
  progress.reset_in = 13;
  CAF_REQUIRE(commit_tables(writer, plan_reset(s, shard, progress)));
  auto found = read_replica(s, shard);
  CAF_CHECK(!found.progress.whole);
  CAF_CHECK(found.last == progress.base); // rows follow it
  progress.applied = 26;
  progress.whole = true;
  CAF_REQUIRE(commit_tables(writer, plan_whole(shard, progress)));
  found = read_replica(s, shard);
  CAF_CHECK(found.progress.whole);
  CAF_CHECK(found.progress.base == progress.base);
  CAF_CHECK_EQUAL(found.progress.reset_in, 13u);
  CAF_CHECK_EQUAL(found.progress.applied, 26u);
}

CAF_TEST_FIXTURE_SCOPE_END()
