#define CAF_SUITE replica
#define CAF_TEST_NO_MAIN
#include "replica_fixture.hpp"

using namespace replication_tests;

CAF_TEST_FIXTURE_SCOPE(replica_tests, replica_fixture)

CAF_TEST(a node alone with its minimum lowered serves after its first configuration) {
  auto& a = all.add("a");
  replica_settings one;
  one.min_replicas = 1;
  a.core = std::make_unique<replica>("a", a.disk.found(), one, a);
  CAF_REQUIRE(a.core->reconfigure({1, "a", {{"a", member_role::full}}}));
  all.settle();
  CAF_REQUIRE(a.serving);
  a.slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  a.finish_write(); // the row
  CAF_CHECK_EQUAL(a.told, 0u);
  a.finish_write(); // its table writes
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a node alone below its minimum does not serve) {
  CAF_CHECK(!begin({"a"}).serving);
}

CAF_TEST(a swap that has no effect is done again less and less often until it has) {
  auto& a = begin({"a", "b"});
  a.swaps_fail = true;
  a.swaps = 0;
  auto next = now();
  ++next.epoch;
  CAF_REQUIRE(a.core->reconfigure(next));
  const auto pass_seconds = [&](int seconds) {
    for (int i = 0; i < 10 * seconds; ++i) {
      pass("a", 100);
      all.settle();
    }
  };
  pass_seconds(2);
  CAF_CHECK_EQUAL(a.swaps, 6); // at once; behind rests of 50, 100, 200, 400 and 800 ms
  pass_seconds(10);
  CAF_CHECK_EQUAL(a.swaps, 16);
  a.swaps_fail = false;
  pass_seconds(1);
  CAF_CHECK_EQUAL(now().epoch, next.epoch);
  CAF_CHECK(a.serving);
}

CAF_TEST(a row is committed once every member has it on its disk) {
  auto& a = begin({"a", "b", "c"});
  CAF_REQUIRE(a.serving);
  all["c"].slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  all["c"].finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a replica is busy as long as time may bring it something to say) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  CAF_CHECK(!a.core->busy());
  CAF_CHECK(!b.core->busy());
  b.slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK(a.core->busy()); // b hasn't answered
  CAF_CHECK(!b.core->busy());
  b.finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(a.core->busy()); // b doesn't know that it is committed
  a.core->tick(all.now);
  CAF_CHECK(!a.core->busy());
  b.slow = false;
  all.settle();
  CAF_REQUIRE(a.core->reconfigure(now()));
  CAF_CHECK(a.core->busy());
  all.settle();
  CAF_CHECK(!a.core->busy());
  b.stop();
  CAF_REQUIRE(a.core->reconfigure(now()));
  all.settle();
  CAF_CHECK(a.core->busy()); // where b stands isn't known
}

CAF_TEST(a member takes over with its own log) {
  auto& a = begin({"a", "b", "c"});
  a.propose("1");
  all.settle();
  a.deaf = {"b"};
  a.propose("2"); // only c has it
  all.settle();
  a.stop();
  change("b", taken_over_by(now(), "b"));
  CAF_REQUIRE(all["b"].serving);
  const auto row = all["b"].propose("other 2");
  all.settle();
  CAF_CHECK_EQUAL(all["b"].told, 2u);
  CAF_CHECK_EQUAL(all["c"].disk.last(), row);
  // The old primary finds that it is none, and its tail is replaced when it is a member again.
  a.deaf.clear();
  a.start();
  change("b", with_learner(now(), "a"));
  CAF_CHECK(!a.serving);
  CAF_CHECK_EQUAL(a.disk.last(), row);
  CAF_CHECK_EQUAL(a.resets, 0);
}

CAF_TEST(a paused primary commits nothing once another has taken over) {
  auto& a = begin({"a", "b"});
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  all.add("c");
  CAF_REQUIRE(all["b"].core->reconfigure(next));
  a.propose("late");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  all.wait();
  CAF_CHECK(!a.serving);
  CAF_CHECK(all["b"].serving);
}

CAF_TEST(a primary that restarts serves under a new epoch) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  const auto before = now().epoch;
  a.stop();
  a.start();
  all.settle();
  all.wait();
  CAF_CHECK(a.serving);
  CAF_CHECK_EQUAL(now().epoch, before + 1);
  a.propose("2");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 2u);
}

CAF_TEST(a primary with an old disk never serves) {
  for (const bool member_forgets : {false, true}) {
    replica_fixture f;
    auto& a = f.begin({"a", "b"});
    auto& b = f.all["b"];
    a.propose("1");
    f.all.settle();
    const auto old = a.disk;
    a.propose("2");
    a.propose("3");
    f.all.settle();
    f.all.wait();
    a.stop();
    if (member_forgets) { // what was committed; it knows still whose rows it has
      b.stop();
      b.disk.applied = 0;
      b.start();
    }
    a.disk = old;
    a.start();
    f.all.wait();
    CAF_CHECK_EQUAL(a.outrun_by.first, "b");
    CAF_CHECK_EQUAL(a.outrun_by.second, 3u);
    CAF_CHECK(!a.serving);
    CAF_CHECK_EQUAL(b.disk.last().seq, 3u);
    // Its member, with all that was committed, takes over.
    a.stop();
    f.all.add("c");
    auto next = *taken_over_by(f.now(), "b");
    next.members.push_back({"c", member_role::tailing});
    f.change("b", next);
    CAF_CHECK(b.serving);
    CAF_CHECK_EQUAL(b.disk.last().seq, 3u);
  }
}

CAF_TEST(a handover leaves both full and loses nothing) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  CAF_CHECK(!a.core->reconfigure(*handed_to(now(), "b"))); // rows may still come
  a.core->stop_proposing();
  change("a", handed_to(now(), "b"));
  CAF_CHECK(!a.serving);
  CAF_REQUIRE(all["b"].serving);
  all["b"].propose("2");
  all.settle();
  CAF_CHECK_EQUAL(all["b"].told, 2u);
  CAF_CHECK_EQUAL(a.disk.last().seq, 2u);
}

CAF_TEST(a handover that is given up ends with a new epoch) {
  auto& a = begin({"a", "b"});
  a.core->stop_proposing();
  change("a", renewed_by(now(), "a"));
  CAF_CHECK(a.serving);
  a.propose("1");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a member that fails is removed before anything is committed without it) {
  auto& a = begin({"a", "b", "c"});
  all["c"].stop();
  a.propose("1");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  change("a", without_member(now(), "c"));
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(a.serving);
}

CAF_TEST(a member that promised to a candidate that died is won back by a new epoch) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  CAF_REQUIRE(b.core->reconfigure(*taken_over_by(now(), "b")));
  b.finish_write(); // the promise
  b.stop();
  b.start();
  a.propose("1");
  all.settle();
  all.wait();
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(now().primary == "a");
  CAF_CHECK(a.serving);
}

CAF_TEST_FIXTURE_SCOPE_END()
