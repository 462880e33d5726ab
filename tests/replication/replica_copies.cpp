#define CAF_SUITE replica_copies
#define CAF_TEST_NO_MAIN
#include "replica_fixture.hpp"

using namespace replication_tests;

CAF_TEST_FIXTURE_SCOPE(replica_copies_tests, replica_fixture)

CAF_TEST(a new member is reset and copied and gets the rows that come meanwhile) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3", "4", "5"})
    a.propose(text);
  all.settle();
  a.disk.erase_before(4);
  auto& c = all.add("c");
  change("a", with_learner(now(), "c"));
  CAF_CHECK_EQUAL(c.resets, 1);
  CAF_CHECK(c.disk.whole);
  a.propose("6");
  all.settle();
  CAF_CHECK(!a.core->reconfigure(*promoted(now(), "c", member_role::full)));
  CAF_REQUIRE(a.core->count_in("c"));
  CAF_REQUIRE(a.core->caught_up("c"));
  c.slow = true;
  a.propose("7");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 6u); // it counts already
  c.slow = false;
  while (!c.writes.empty())
    c.finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 7u);
  change("a", promoted(now(), "c", member_role::full));
  CAF_CHECK(a.serving);
  CAF_CHECK_EQUAL(now().count(member_role::full), 3u);
  CAF_CHECK_EQUAL(c.disk.last(), a.disk.last());
  CAF_CHECK_EQUAL(c.disk.tables.sum, a.disk.tables.sum);
}

CAF_TEST(a member is up to date once its leader has told it so in its life) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  a.propose("1");
  all.settle();
  all.wait();
  CAF_CHECK(a.core->up_to_date());
  CAF_CHECK(b.core->up_to_date());
  b.stop();
  b.start();
  CAF_CHECK(!b.core->up_to_date()); // there may be more by now
  all.wait();
  CAF_CHECK(b.core->up_to_date());
  auto& c = all.add("c");
  CAF_CHECK(!c.core->up_to_date());
  a.disk.erase_before(1);
  change("a", with_learner(now(), "c"));
  all.wait();
  CAF_CHECK(c.core->up_to_date());
  c.slow = true;
  a.propose("2");
  all.settle();
  CAF_CHECK(!c.core->up_to_date());
}

CAF_TEST(a new member whose log fits is not copied) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  auto& c = all.add("c");
  change("a", with_learner(now(), "c"));
  CAF_CHECK_EQUAL(c.resets, 0);
  CAF_CHECK_EQUAL(c.disk.tables.sum, a.disk.tables.sum);
}

CAF_TEST(a tailing spare lets a takeover serve before it is filled) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  all["b"].disk.erase_before(2);
  a.stop();
  all.add("c");
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  change("b", next);
  CAF_REQUIRE(all["b"].serving);
  CAF_CHECK(all["b"].core->count_in("c"));
  change("b", promoted(now(), "c", member_role::full));
  CAF_CHECK_EQUAL(all["c"].disk.tables.sum, all["b"].disk.tables.sum);
}

CAF_TEST(a new primary fills nobody with less than the old one may have committed) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  auto& b = all["b"];
  CAF_CHECK_EQUAL(a.told, 1u);
  a.stop();
  // c has a whole, empty copy, and the row that was committed doesn't come.
  auto& c = all.add("c");
  b.deaf = {"c"};
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  change("b", next);
  b.core->received("c", standing{b.core->leading(), {}, 0, true, {}, 0, 0, 0});
  all.settle();
  b.core->count_in("c");
  CAF_CHECK(!b.core->caught_up("c"));
  CAF_CHECK(!b.core->reconfigure(*promoted(now(), "c", member_role::full)));
  b.deaf.clear();
  all.wait();
  b.core->count_in("c");
  CAF_CHECK(b.core->caught_up("c"));
  CAF_CHECK_EQUAL(c.disk.last(), b.disk.last());
}

CAF_TEST(a member goes on behind a row that is past retention at its primary) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  b.slow = true;
  const auto first = a.propose("1");
  all.settle();
  a.deaf.insert("b"); // it never hears that its row is committed
  b.finish_write();
  b.slow = false;
  all.settle();
  CAF_REQUIRE_EQUAL(a.told, first.seq);
  a.disk.log.erase(a.disk.log.begin(), a.disk.log.upper_bound(first.seq));
  const auto second = a.propose("2");
  all.settle();
  a.deaf.clear();
  auto next = now();
  ++next.epoch;
  change("a", next);
  CAF_CHECK_EQUAL(a.told, second.seq);
  CAF_CHECK_EQUAL(b.resets, 0);
  CAF_CHECK(b.disk.log.contains(first.seq));
}

CAF_TEST(a member that parts where the primary knows no row any more is copied) {
  auto& a = begin({"a", "b"});
  all["b"].slow = true;
  a.propose("1");
  all.settle();
  all["b"].finish_write();
  all.settle();
  CAF_REQUIRE_EQUAL(a.told, 1u);
  // Of another history: never acknowledged.
  all["b"].stop();
  all["b"].disk.log[2] = {{99, 2}, "other", ""};
  all["b"].slow = false;
  a.disk.log.erase(a.disk.log.begin(), a.disk.log.upper_bound(1));
  a.propose("2");
  all.settle();
  all["b"].start();
  all.wait();
  CAF_CHECK_EQUAL(a.told, 2u);
  CAF_CHECK_EQUAL(all["b"].resets, 1);
}

CAF_TEST(what a member counted of the copy of an earlier life is not taken for this one) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3", "4", "5"})
    a.propose(text);
  all.settle();
  a.disk.erase_before(4);
  add_slow("a", "c");
  auto& c = all["c"];
  while (c.installed_parts < 3) {
    c.finish_write();
    all.settle();
  }
  a.stop();
  all.settle();
  a.start();
  all.settle();
  while (!std::holds_alternative<standing>(c.said)) {
    CAF_REQUIRE(!c.writes.empty());
    c.finish_write();
  }
  const auto counted = std::get<standing>(c.said);
  CAF_REQUIRE(counted.parts > 1);
  all.settle();
  a.core->received("c", counted); // comes twice
  CAF_REQUIRE(std::holds_alternative<snapshot_part>(a.said));
  CAF_CHECK_EQUAL(std::get<snapshot_part>(a.said).index, 0u);
  CAF_CHECK(std::get<snapshot_part>(a.said).copy > counted.copy);
  c.slow = false;
  while (!c.writes.empty())
    c.finish_write();
  all.wait();
  CAF_CHECK(c.disk.whole);
  CAF_CHECK_EQUAL(c.disk.tables.sum, a.disk.tables.sum);
}

CAF_TEST(parts of two copies never mix) {
  auto& c = all.add("c");
  c.core->received("a", lead{1});
  all.settle();
  c.core->received("a", reset{1, {1, 5}});
  c.core->received("a", snapshot_part{1, {1, 5}, 1, 0, false, "old=1\n"});
  c.core->received("a", snapshot_part{1, {1, 5}, 2, 0, false, "new=1\n"});
  all.settle();
  const auto before = c.installed_parts;
  c.core->received("a", snapshot_part{1, {1, 5}, 1, 1, true, "old=2\n"}); // late
  all.settle();
  CAF_CHECK_EQUAL(c.installed_parts, before);
  CAF_CHECK(!c.core->whole());
  c.core->received("a", snapshot_part{1, {1, 5}, 2, 1, true, "new=2\n"});
  all.settle();
  CAF_CHECK(c.core->whole());
  CAF_CHECK_EQUAL(c.disk.tables.rows.count("old"), 0u);
}

CAF_TEST(a reset that comes behind the copy that it asked for takes nothing back) {
  auto& c = all.add("c");
  c.core->received("a", lead{1});
  c.core->received("a", reset{1, {1, 5}});
  c.core->received("a", snapshot_part{1, {1, 5}, 1, 0, false, "old=1\n"});
  all.settle();
  // Another one leads, and finds that the base is its own, too.
  c.core->received("b", lead{2});
  all.settle();
  c.core->received("b", snapshot_part{2, {1, 5}, 2, 0, true, "new=1\n"});
  all.settle();
  CAF_REQUIRE(c.core->whole());
  const auto resets = c.resets;
  c.core->received("b", reset{2, {1, 5}});
  all.settle();
  CAF_CHECK(c.core->whole());
  CAF_CHECK_EQUAL(c.resets, resets);
  // Nor after a start.
  c.stop();
  c.start();
  c.core->received("b", reset{2, {1, 5}});
  all.settle();
  CAF_CHECK(c.core->whole());
  // But one to a later row does.
  c.core->received("b", reset{2, {2, 9}});
  all.settle();
  CAF_CHECK(!c.core->whole());
}

CAF_TEST(a base that its leader lost again was never shipped) {
  auto& c = all.add("c");
  c.core->received("a", lead{1});
  c.core->received("a", reset{1, {1, 5}});
  all.settle();
  // It comes back without its last rows, which it had not written down when it said so.
  c.core->received("a", lead{2});
  c.core->received("a", reset{2, {1, 3}});
  c.core->received("a", snapshot_part{2, {1, 3}, 1, 0, true, "new=1\n"});
  all.settle();
  c.core->received("a", lead{2});
  all.settle();
  CAF_REQUIRE(std::holds_alternative<standing>(c.said));
  const auto& told = std::get<standing>(c.said);
  CAF_CHECK(told.whole);
  CAF_CHECK(std::max(told.applied, told.shipped) <= 3);
}

CAF_TEST(rows that a write under way erases are not acknowledged) {
  auto& b = all.add("b");
  b.core->received("a", lead{1});
  all.settle();
  b.core->received("a", append{1, {}, 0, {{{1, 1}, "1", ""}, {{1, 2}, "2", ""}, {{1, 3}, "3", ""}}});
  all.settle();
  b.core->received("c", lead{2});
  all.settle();
  b.slow = true;
  b.core->received("c", append{2, {1, 1}, 0, {{{2, 2}, "other 2", ""}, {{2, 3}, "other 3", ""}}});
  b.core->received("c", append{2, {}, 0, {}});
  CAF_REQUIRE(std::holds_alternative<appended>(b.said));
  CAF_CHECK_EQUAL(std::get<appended>(b.said).last, 1u);
  b.finish_write();
  CAF_CHECK_EQUAL(std::get<appended>(b.said).last, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
