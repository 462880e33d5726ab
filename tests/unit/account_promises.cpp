#define CAF_SUITE account_promises
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
  const auto again = std::get<account::submit_reply>(w.a->submit({world::parse(with_id).events, {}}));
  w.end();
  CAF_CHECK_EQUAL(again.duplicates, 1u);
  CAF_CHECK_EQUAL(again.events[0].notifications, 1u);
  CAF_CHECK_EQUAL(w.log().size(), 1u);
  // And from then on by the table.
  const auto repeated = std::get<account::submit_reply>(w.post(with_id));
  CAF_CHECK_EQUAL(repeated.duplicates, 1u);
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
  w.start();             // the parsed event is not at hand any more ...
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
  CAF_CHECK(account::is_erased(
      w.source.tables.at(storage::key(domain::shard_id{0}, storage::row_kind::account, std::uint64_t{64}))));
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
        w.a->submit(
            {world::parse(R"({"entity":"Contact","action":"Update","record_id":1,"changes":{"title":["a",")" +
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
    w.a->replace({s, true});
    w.end();
    w.change(9);
  }
}

namespace {

const std::string created = R"({"entity":"Contact","action":"Create","record_id":7})";

/// A restart that finds the account in a checkpoint, or only in the log.
void restart(world& w, bool saved) {
  if (saved)
    w.checkpoint();
  w.start();
}

domain::subscription only_subscription(const world& w) {
  return w.a->subscriptions().subscriptions.at(0);
}

} // namespace

CAF_TEST(holding survives a restart) {
  for (const bool saved : {false, true}) {
    world w;
    w.subscribe();
    w.change(1);
    auto later = w.result(503);
    later.retry_after = 300;
    w.begin();
    w.a->end(w.out.at(0).number, later);
    w.end();
    const auto told = w.boot;
    w.pass(10s);
    restart(w, saved);
    CAF_CHECK_EQUAL(only_subscription(w).consecutive_failures, 1u);
    CAF_CHECK(only_subscription(w).first_failure.has_value());
    w.change(2);
    CAF_CHECK(w.out.empty());
    CAF_CHECK(w.a->next_wake(w.boot) == told + 300s);
    w.pass(290s);
    w.turn();
    CAF_REQUIRE_EQUAL(w.out.size(), 1u);

    w.answer(410);
    const auto suspended = w.boot;
    w.pass(10s);
    restart(w, saved);
    CAF_CHECK(only_subscription(w).status == domain::subscription_status::suspended);
    w.change(3);
    w.change(4);
    CAF_CHECK(w.out.empty());
    CAF_CHECK(w.a->next_wake(w.boot) == suspended + w.limits.probe_interval);
  }
}

CAF_TEST(subscriptions of one account are claimed in the order of acceptance) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe("person", "update");
  w.subscribe("person", "new");
  w.change(1);
  w.post(created);
  w.change(2);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    w.turn();
    CAF_REQUIRE_EQUAL(w.out.size(), 1u);
    CAF_CHECK_EQUAL(raw(w.out[0].number), n);
    w.answer();
    w.pass(60s);
  }
}

CAF_TEST(over the backlog limit the oldest of all subscriptions expire) {
  world w;
  w.limits.paused = true;
  w.limits.backlog_records = 3;
  w.start();
  w.subscribe("person", "update");
  w.subscribe("person", "new");
  for (int i = 0; i < 3; ++i) {
    w.pass(1s);
    w.change(i); // 1, 3, 5
    w.pass(1s);
    w.post(R"({"entity":"Contact","action":"Create","record_id":)" + std::to_string(i) + "}"); // joins 2
  }
  // 1 and 2 are the oldest: 2 holds three records by the end.
  CAF_CHECK_EQUAL(w.a->usage({w.boot, w.wall}).pending_records, 3u);
  std::vector<std::uint64_t> expired;
  for (const auto& n : w.log())
    if (n.state == notification_state::expired)
      expired.push_back(raw(n.number));
  std::sort(expired.begin(), expired.end());
  for (std::size_t i = 0; i < expired.size(); ++i)
    CAF_CHECK_EQUAL(expired[i], i + 1); // without a gap: always the oldest
  CAF_CHECK(!expired.empty());
}

CAF_TEST(an event counts once against the backlog however many it concerns) {
  world w;
  w.limits.paused = true;
  w.start();
  w.subscribe("person", "new");
  w.subscribe("person", "new");
  w.post(created);
  CAF_CHECK_EQUAL(w.a->usage({w.boot, w.wall}).pending_bytes, created.size());
}

CAF_TEST(an event id is forgotten after its time) {
  for (const bool saved : {false, true}) {
    world w;
    w.subscribe();
    w.post(with_id);
    if (saved)
      w.checkpoint();
    w.pass(w.limits.retention_idempotency);
    CAF_CHECK_EQUAL(accepted(w.post(with_id)), 0u);
    w.pass(1s);
    CAF_CHECK_EQUAL(accepted(w.post(with_id)), 1u);
  }
}

CAF_TEST(ids are told apart over checkpoints and merges and restarts) {
  world w;
  w.subscribe();
  const auto event = [](int n, int record) {
    return R"({"id":"e-)" + std::to_string(n) + R"(","entity":"Contact","action":"Update","record_id":)" +
           std::to_string(record) + R"(,"changes":{"title":["a","b"]}})";
  };
  for (int n = 0; n < 60; ++n) {
    CAF_CHECK_EQUAL(accepted(w.post(event(n, n))), 1u);
    w.answer();
    if (n % 2 == 0)
      w.checkpoint();
    if (n % 7 == 0)
      w.start();
    const int before = n / 2;
    CAF_CHECK_EQUAL(accepted(w.post(event(before, before))), 0u);
    const auto reused = w.post(event(before, before + 1000));
    CAF_CHECK_EQUAL(slug_of(reused), "event-id-reused");
  }
  const auto sent = w.log().size();
  CAF_CHECK_EQUAL(sent, 60u);
  // A row that can't be read stops whoever needs it, and nobody else.
  w.checkpoint();
  const auto prefix = storage::key(domain::shard_id{0}, storage::row_kind::event_id, 64);
  for (auto& [key, value] : w.source.tables)
    if (key.starts_with(prefix))
      value.back() = static_cast<char>(value.back() ^ 1);
  w.start();
  w.begin();
  try {
    w.a->submit({world::parse(event(3, 3)).events, {}});
    CAF_ERROR("the repeat was judged without the table");
  } catch (const std::runtime_error& e) {
    CAF_CHECK(std::string{e.what()}.find("damaged in run") != std::string::npos);
  }
  w.start();
  CAF_CHECK_EQUAL(accepted(w.post(R"({"entity":"Contact","action":"Update","record_id":1})")), 1u);
}

CAF_TEST(a notification carries the revision and the signatures of its claim) {
  for (const bool saved : {false, true}) {
    world w;
    w.limits.windows = {{1, 60s}};
    w.start();
    w.subscribe();
    w.change(1);
    w.change(2);
    w.change(3);
    w.answer();
    auto s = only_subscription(w);
    s.signing.previous = std::string(32, 'p');
    s.signing.current = std::string(32, 'c');
    s.signing.previous_expires = w.wall + 100s;
    w.begin();
    w.a->replace({s, true});
    w.end();
    restart(w, saved);
    const auto signatures = [&] {
      w.pass(60s);
      w.turn();
      CAF_REQUIRE_EQUAL(w.out.size(), 1u);
      const auto reply = w.a->get(w.out[0].number, w.now_stamp());
      CAF_CHECK_EQUAL(std::get<account::notification_reply>(reply).value.revision, 2u);
      std::size_t found = 0;
      for (auto at = w.out[0].headers.find("v1,"); at != std::string::npos;
           at = w.out[0].headers.find("v1,", at + 1))
        ++found;
      w.answer();
      return found;
    };
    CAF_CHECK_EQUAL(signatures(), 2u);
    CAF_CHECK_EQUAL(signatures(), 1u); // the earlier secret's grace time is over
  }
}

CAF_TEST(chunks of a Pipeliner event go one delay after another) {
  for (const bool saved : {false, true}) {
    world w;
    w.subscribe("", "", [](domain::subscription& s) {
      s.speaks = domain::dialect::pipeliner;
      s.pipeliner.events = {"Contact.Create"};
      s.pipeliner.options = R"({"chunk_size":1,"chunk_delay":60})";
    });
    w.post(R"({"entity":"Contact","action":"Create","record_ids":["a","b","c"]})");
    CAF_CHECK_EQUAL(w.out.size(), 1u);
    w.answer();
    restart(w, saved);
    w.turn();
    CAF_CHECK(w.out.empty());
    CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 60s);
    w.pass(60s);
    w.turn();
    CAF_CHECK_EQUAL(w.out.size(), 1u);
    w.pass(60s);
    w.turn();
    CAF_CHECK_EQUAL(w.out.size(), 2u);
  }
}
