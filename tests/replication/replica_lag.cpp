#define CAF_SUITE replica_lag
#define CAF_TEST_NO_MAIN
#include "replica_fixture.hpp"

using namespace replication_tests;

CAF_TEST_FIXTURE_SCOPE(replica_lag_tests, replica_fixture)

CAF_TEST(what a member has not acknowledged is its lag) {
  auto& a = begin({"a", "b", "c"});
  using lag = replica::lag;
  CAF_CHECK(a.core->lag_of("b") == lag{});
  all["c"].slow = true;
  a.propose("1");
  a.propose("2");
  CAF_CHECK(a.core->lag_of("c") == lag{}); // they are not durable here yet
  all.settle();
  pass("a", 300);
  a.propose("3");
  all.settle();
  pass("a", 200);
  CAF_CHECK(a.core->lag_of("a") == lag{});
  CAF_CHECK(a.core->lag_of("b") == lag{});
  CAF_CHECK((a.core->lag_of("c") == lag{3, std::chrono::milliseconds{500}}));
  all["c"].finish_write(); // the first row alone
  all.settle();
  CAF_CHECK((a.core->lag_of("c") == lag{2, std::chrono::milliseconds{500}}));
  all["c"].finish_write();
  all.settle();
  CAF_CHECK(a.core->lag_of("c") == lag{});
  a.propose("4");
  all.settle();
  a.propose("5"); // not durable here
  CAF_CHECK((a.core->lag_of("c") == lag{1, std::chrono::milliseconds{0}}));
}

CAF_TEST(no lag is told of whom nothing is known) {
  auto& a = begin({"a", "b"});
  CAF_CHECK(!all["b"].core->lag_of("a"));
  CAF_CHECK(!a.core->lag_of("stranger"));
  auto& c = all.add("c");
  c.stop();
  change("a", with_learner(now(), "c"));
  CAF_CHECK(!a.core->lag_of("c"));
  c.start();
  all.wait();
  CAF_CHECK(a.core->lag_of("c") == replica::lag{});
  all["b"].stop();
  CAF_REQUIRE(a.core->reconfigure(now()));
  all.settle();
  CAF_CHECK(!a.core->lag_of("b")); // in this epoch it hasn't said anything
}

CAF_TEST(no row waits for longer than the member is one) {
  auto& a = begin({"a", "b"});
  all["b"].slow = true;
  a.propose("1");
  all.settle();
  pass("a", 300);
  add_slow("a", "c");
  pass("a", 200);
  CAF_CHECK((a.core->lag_of("c") == replica::lag{1, std::chrono::milliseconds{200}}));
}

CAF_TEST(no row waits for longer than its primary leads) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3"})
    a.propose(text);
  all.settle();
  a.stop();
  auto& b = all["b"];
  all.add("c");
  auto next = taken_over_by(now(), "b");
  CAF_REQUIRE(next.has_value());
  next->members.push_back({"c", member_role::tailing});
  CAF_REQUIRE(b.core->reconfigure(*next));
  all.settle();
  CAF_REQUIRE(b.serving);
  add_slow("b", "d");
  pass("b", 300);
  b.propose("4");
  all.settle();
  pass("b", 200);
  CAF_CHECK((b.core->lag_of("d") == replica::lag{4, std::chrono::milliseconds{500}}));
}

CAF_TEST(a member is being filled from its reset to the end of its copy) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3", "4", "5"})
    a.propose(text);
  all.settle();
  a.disk.erase_before(4);
  const auto filling = [&] { return a.core->followers().at("c").filling; };
  all.add("c").slow = true;
  CAF_REQUIRE(a.core->reconfigure(*with_learner(now(), "c")));
  all.settle();
  CAF_CHECK(!filling());
  for (bool ended = false; !ended;) {
    all["c"].finish_write();
    all.settle();
    ended = all["c"].writes.empty();
    CAF_CHECK_EQUAL(filling(), !ended);
  }
  CAF_CHECK(!a.core->followers().at("b").filling);
}

CAF_TEST_FIXTURE_SCOPE_END()
