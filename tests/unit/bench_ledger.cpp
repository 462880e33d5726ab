#define CAF_SUITE bench_ledger
#define CAF_TEST_NO_MAIN

#include "bench/ledger.hpp"
#include "caf/test/unit_test.hpp"

#include <chrono>
#include <string>

using namespace carillon;
using bench::ledger;
using namespace std::chrono_literals;

namespace {

constexpr domain::boot_time t0{1'000s};

std::string body(const std::string& ids) {
  return R"({"subscription_id":7,"event":"update","type":"person","ids":[)" + ids +
         R"(],"updated_attributes":{}})";
}

/// Four events, 100 to 103, posted and accepted.
struct fixture {
  ledger book;
  fixture() {
    book.start(100);
    book.posted(100, 4, t0);
    book.accepted(100, 4, t0 + 1ms);
  }
  void arrive(const std::string& webhook, const std::string& ids) {
    book.arrived(webhook, body(ids), t0 + 3ms);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(bench_ledger_tests, fixture)

CAF_TEST(each event once is clean) {
  arrive("a", "103");
  arrive("b", "100,101,102");
  const auto found = book.judge();
  CAF_CHECK(found.clean());
  CAF_CHECK_EQUAL(found.accepted, 4u);
  CAF_CHECK_EQUAL(found.delivered, 4u);
  CAF_CHECK_EQUAL(book.arrived_count(), 4u);
  CAF_CHECK_EQUAL(book.post_count(), 2u);
}

CAF_TEST(the items of a Pipeliner body count like ids) {
  const auto item = [](int number) {
    return R"({"event":"Account.Update","webhook":{"id":"7"},"entity":{"id":")" + std::to_string(number) +
           R"(","name":"x"}})";
  };
  book.arrived("a", "[" + item(101) + "," + item(103) + "]", t0 + 3ms);
  book.arrived("b", "[" + item(100) + "]", t0 + 3ms);
  const auto found = book.judge();
  CAF_CHECK_EQUAL(found.delivered, 3u);
  CAF_CHECK_EQUAL(found.lost, 1u);
  book.arrived("c", "[{}]", t0 + 3ms);
  const auto then = book.judge();
  CAF_CHECK_EQUAL(then.unexpected, 1u);
}

CAF_TEST(what never arrives is lost) {
  arrive("a", "100");
  arrive("b", "101,103");
  const auto found = book.judge();
  CAF_CHECK(!found.clean());
  CAF_CHECK_EQUAL(found.lost, 1u);
}

CAF_TEST(the same post twice is doubled) {
  arrive("a", "100,101,102,103");
  arrive("a", "100,101,102,103");
  const auto found = book.judge();
  CAF_CHECK(!found.clean());
  CAF_CHECK_EQUAL(found.doubled_posts, 1u);
  CAF_CHECK_EQUAL(found.doubled_events, 4u);
  CAF_CHECK_EQUAL(found.lost, 0u);
}

CAF_TEST(an event in two notifications is doubled) {
  arrive("a", "100,101");
  arrive("b", "101,102,103");
  const auto found = book.judge();
  CAF_CHECK(!found.clean());
  CAF_CHECK_EQUAL(found.doubled_posts, 0u);
  CAF_CHECK_EQUAL(found.doubled_events, 1u);
}

CAF_TEST(what nobody posted is unexpected) {
  arrive("a", "100,101,102,103");
  for (const auto* ids : {"99", "104", "", "\"x\""}) {
    ledger fresh;
    fresh.start(100);
    fresh.posted(100, 4, t0);
    fresh.accepted(100, 4, t0);
    fresh.arrived("a", body("100,101,102,103"), t0);
    CAF_CHECK(fresh.judge().clean());
    fresh.arrived("b", body(ids), t0);
    CAF_CHECK_EQUAL(fresh.judge().unexpected, 1u);
  }
}

CAF_TEST(a refused event must not arrive) {
  book.posted(104, 1, t0);
  book.refused(104, 1);
  arrive("a", "100,101,102,103");
  CAF_CHECK(book.judge().clean());
  arrive("b", "104");
  CAF_CHECK_EQUAL(book.judge().unexpected, 1u);
}

CAF_TEST(an unanswered event is free to arrive) {
  book.posted(104, 2, t0);
  arrive("a", "100,101,102,103");
  arrive("b", "104");
  const auto found = book.judge();
  CAF_CHECK(found.clean());
  CAF_CHECK_EQUAL(found.unanswered, 2u);
  CAF_CHECK_EQUAL(found.accepted, 4u);
}

CAF_TEST(a new start forgets) {
  arrive("a", "100");
  book.start(200);
  book.posted(200, 1, t0);
  book.accepted(200, 1, t0);
  arrive("a", "200");
  CAF_CHECK(book.judge().clean());
  arrive("b", "101");
  CAF_CHECK_EQUAL(book.judge().unexpected, 1u);
}

CAF_TEST(spans are those of events posted in time) {
  using moment = ledger::moment;
  book.posted(104, 1, t0 + 1s);
  book.accepted(104, 1, t0 + 1s + 5ms);
  arrive("a", "100,101,102,103");
  const auto waited = book.spans(moment::accepted, moment::arrived, t0, t0 + 1s);
  CAF_REQUIRE_EQUAL(waited.size(), 4u);
  CAF_CHECK_EQUAL(waited.front(), std::chrono::nanoseconds{2ms}.count());
  const auto answered = book.spans(moment::posted, moment::accepted, t0 + 1s, t0 + 2s);
  CAF_REQUIRE_EQUAL(answered.size(), 1u);
  CAF_CHECK_EQUAL(answered.front(), std::chrono::nanoseconds{5ms}.count());
}

CAF_TEST_FIXTURE_SCOPE_END()
