#define CAF_SUITE account_review
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account/retention.hpp"
#include "account_fixture.hpp"
#include "storage/keys.hpp"

using namespace account_test;

namespace {
const std::string with_id =
    R"({"id":"e-1","entity":"Contact","action":"Update","record_id":1,"changes":{"title":["a","b"]}})";
} // namespace

CAF_TEST(a repeat is known in the very turn that saves a checkpoint) {
  world w;
  w.subscribe();
  w.post(with_id);
  w.begin(true);
  const auto again = w.a->submit({world::parse(with_id).events, {}});
  w.end();
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(again).duplicates, 1u);
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(again).events[0].notifications, 1u);
  CAF_CHECK_EQUAL(w.log().size(), 1u);
  // And from then on by the table.
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(w.post(with_id)).duplicates, 1u);
}

CAF_TEST(a notification whose event is gone is never sent as an empty body) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  w.change(1);
  w.change(2);
  w.answer();
  w.checkpoint();
  w.start(); // the parsed event is not at hand any more ...
  w.source.rows.clear(); // ... nor is its row
  w.pass(60s);
  w.turn();
  CAF_REQUIRE_EQUAL(w.out.size(), 1u);
  CAF_CHECK(w.out[0].subscription == nullptr);
}

CAF_TEST(an account without subscriptions remembers its erasure) {
  world w;
  const auto id = w.subscribe();
  w.change(1);
  w.answer();
  w.begin();
  w.a->remove({id});
  w.end();
  w.checkpoint();
  w.begin();
  w.a->erase();
  w.end();
  CAF_CHECK(w.a->unsaved());
  w.checkpoint();
  CAF_CHECK(account::is_erased(w.source.tables.at(
      storage::key(domain::shard_id{0}, storage::row_kind::account, std::uint64_t{64}))));
  w.start();
  CAF_CHECK(w.a->erased());
}

CAF_TEST(an erasure that a crash forgot is made up for) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  w.change(1);
  w.change(2);
  w.answer();
  w.limits.deleting = true;
  w.start();
  w.pass(60s);
  w.turn();
  CAF_CHECK(w.out.empty());
  CAF_CHECK(w.a->erased());
  CAF_CHECK(w.state(domain::notification_number{2}) == notification_state::cancelled);
  CAF_CHECK_EQUAL(w.a->pending(), 0u);
}

CAF_TEST(a filter that rarely matches reaches the oldest notification page by page) {
  world w;
  w.limits.windows = {{1'000'000, 60s}};
  w.limits.slots = w.limits.slots_per_subscription = w.limits.slots_per_origin = 1'000'000;
  w.start();
  for (const bool one_pending : {false, true}) {
    const auto target = w.subscribe();
    w.change(1);
    const auto wanted = w.out.back().number;
    w.answer(one_pending ? 500 : 410);
    w.begin();
    w.a->remove({target});
    w.end();
    w.subscribe();
    for (int i = 0; i < 70; ++i) {
      w.begin();
      for (int k = 0; k < 64; ++k)
        w.a->submit({world::parse(R"({"entity":"Contact","action":"Update","record_id":1,"changes":{"title":["a",")" +
                                  std::to_string(++w.value) + R"("]}})")
                         .events,
                     {}});
      w.end();
    }
    w.answer();
    w.checkpoint();
    account::query_log q;
    q.subscription = target;
    bool found = false;
    do {
      const auto page = w.a->log(q, w.now_stamp());
      for (const auto& n : page.notifications)
        found |= n.number == wanted;
      q.before = page.next;
    } while (q.before > 0);
    CAF_CHECK(found);
    // The second time with one that waits among the oldest, held in memory.
    w.begin();
    auto s = w.a->subscriptions().subscriptions.back();
    s.status = domain::subscription_status::paused;
    w.a->replace({s});
    w.end();
    w.change(9);
  }
}
