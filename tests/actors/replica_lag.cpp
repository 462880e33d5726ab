#define CAF_SUITE replica_lag
#define CAF_TEST_NO_MAIN
#include "replica_fixture.hpp"

using namespace actor_tests;

namespace {

std::uint64_t bytes_in(const replication::snapshot_part& part) {
  const auto rows = storage::decode_table_writes(part.rows);
  CAF_REQUIRE(rows.has_value());
  std::uint64_t bytes = 0;
  for (const auto& row : *rows)
    bytes += row.key.size() + row.value.size();
  return bytes;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(replica_lag_tests, replica_fixture)

CAF_TEST(a primary tells how far a copy has come) {
  using fill = member_lag::fill;
  add_peer();
  const auto at = last_said<replication::lead>().at;
  CAF_CHECK(of_peer() == (member_lag{"peer", {}, {}}));
  say(replication::standing{at, {}, 0, true, {}, 0, 0, 0});
  const auto base = last_said<replication::reset>().base;
  CAF_CHECK(of_peer() == (member_lag{"peer", {}, fill{}}));
  say(replication::appended{at, base.seq});
  CAF_CHECK_EQUAL(rows_lacked().value_or(9), 0u);
  std::uint64_t done = 0, sizes = 0;
  for (;;) {
    const auto part = last_said<replication::snapshot_part>();
    const auto filled = of_peer().filled;
    CAF_REQUIRE(filled.has_value());
    CAF_CHECK_EQUAL(filled->done, done);
    if (filled->of) {
      ++sizes;
      CAF_CHECK(*filled->of > table_rows * row_bytes);
      CAF_CHECK(*filled->of >= done + bytes_in(part));
    }
    done += bytes_in(part);
    if (part.last)
      break;
    say(replication::installed{at, part.copy, part.index, false});
  }
  CAF_CHECK(sizes >= 2);
  CAF_CHECK(of_peer().filled->of == done);
  const auto part = last_said<replication::snapshot_part>();
  say(replication::installed{at, part.copy, part.index, true});
  CAF_CHECK(!of_peer().filled);
}

CAF_TEST(a primary tells what a member has not acknowledged) {
  add_peer();
  const auto at = last_said<replication::lead>().at;
  const auto own = lag()->members.at(0);
  CAF_CHECK(own == (member_lag{"here", replication::replica::lag{}, {}}));
  CAF_CHECK(!rows_lacked());
  say(replication::standing{at, {}, 0, true, {}, 0, 0, 0});
  const auto base = last_said<replication::reset>().base;
  say(replication::appended{at, base.seq});
  propose(base.seq + 1);
  propose(base.seq + 2);
  CAF_CHECK_EQUAL(rows_lacked().value_or(0), 2u);
  say(replication::appended{at, base.seq + 1});
  CAF_CHECK_EQUAL(rows_lacked().value_or(0), 1u);
  say(replication::appended{at, base.seq + 2});
  CAF_CHECK_EQUAL(rows_lacked().value_or(9), 0u);
}

CAF_TEST(a replica that does not lead tells nothing) {
  CAF_REQUIRE(lag() != nullptr);
  view.shards[moved] = {{9, "peer", {{"peer", coordination::member_role::full}}}, 99};
  show();
  CAF_CHECK(lag() == nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
