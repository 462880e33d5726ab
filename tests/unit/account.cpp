#define CAF_SUITE account
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace account_test;
using nlohmann::json;

CAF_TEST(an event that matches becomes one POST with its claim) {
  world w;
  w.subscribe();
  const auto r = std::get<account::submit_reply>(w.post(
      R"({"id":"e1","entity":"Contact","action":"Update","record_id":7,"changes":{"title":["a","b"]}})"));
  CAF_CHECK_EQUAL(r.accepted, 1u);
  CAF_CHECK_EQUAL(r.notifications, 1u);
  CAF_REQUIRE_EQUAL(w.out.size(), 1u);
  const auto body = json::parse(w.out[0].body);
  CAF_CHECK_EQUAL(body["ids"].dump(), "[7]");
  CAF_CHECK_EQUAL(body["updated_attributes"].dump(), R"({"title":["a","b"]})");
  CAF_CHECK(w.out[0].headers.find("webhook-id: msg_") != std::string::npos);
  CAF_CHECK(w.out[0].deadline == w.boot + 15s);
  w.answer(200);
  CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::delivered);
}

CAF_TEST(a repeated event id is a duplicate and other content is refused) {
  world w;
  w.subscribe();
  const auto e = R"({"id":"e1","entity":"Contact","action":"Create","record_id":7})";
  const auto other = R"({"id":"e1","entity":"Contact","action":"Create","record_id":8})";
  CAF_CHECK_EQUAL(accepted(w.post(e)), 1u);
  for (int saved = 0; saved < 2; ++saved) {
    const auto again = std::get<account::submit_reply>(w.post(e));
    CAF_CHECK_EQUAL(again.duplicates, 1u);
    CAF_CHECK(again.events[0].duplicate);
    CAF_CHECK_EQUAL(slug_of(w.post(other)), "event-id-reused");
    w.checkpoint();
    w.start();
  }
  w.pass(25h);
  CAF_CHECK_EQUAL(accepted(w.post(other)), 1u);
}

CAF_TEST(a request with one bad event changes nothing) {
  world w;
  w.subscribe("person", "new");
  w.post(R"({"id":"e1","entity":"Contact","action":"Create","record_id":1})");
  const auto rows = w.source.rows.size();
  const auto r = w.post(R"([{"id":"e2","entity":"Contact","action":"Create","record_id":2},
                            {"id":"e1","entity":"Contact","action":"Create","record_id":3}])");
  CAF_CHECK_EQUAL(std::get<account::request_error>(r).errors[0].pointer, "#/1/id");
  CAF_CHECK_EQUAL(w.source.rows.size(), rows);
  CAF_CHECK_EQUAL(w.out.size(), 1u);
}

CAF_TEST(95 records of one change go as 30 30 30 and 5) {
  world w;
  w.subscribe();
  std::string ids = "[1";
  for (int i = 2; i <= 95; ++i)
    ids += "," + std::to_string(i);
  w.post(R"({"entity":"Contact","action":"Update","record_ids":)" + ids +
         R"(],"changes":{"city":["a","b"]}})");
  std::vector<std::size_t> sizes;
  for (const auto& p : w.out)
    sizes.push_back(json::parse(p.body)["ids"].size());
  CAF_CHECK((sizes == std::vector<std::size_t>{30, 30, 30, 5}));
}

CAF_TEST(records join the last waiting notification of equal attributes only) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.a->configure(w.limits);
  w.subscribe();
  const auto update = [&](int id, const char* to) {
    w.post(R"({"entity":"Contact","action":"Update","record_id":)" + std::to_string(id) +
           R"(,"changes":{"city":["a",")" + to + R"("]}})");
  };
  update(1, "b"); // claimed at once
  update(2, "b"); // waits
  update(3, "b"); // joins
  update(2, "b"); // is in there already: a new one
  update(4, "b"); // joins that one, the last
  update(5, "c"); // other attributes
  update(6, "b"); // the last one has other attributes
  CAF_CHECK_EQUAL(w.out.size(), 1u);
  std::vector<std::string> records;
  for (const auto& n : w.log()) {
    std::string ids;
    for (const auto& r : n.records)
      ids += r.text;
    records.insert(records.begin(), ids);
  }
  CAF_CHECK((records == std::vector<std::string>{"1", "23", "24", "5", "6"}));
}

CAF_TEST(claims stop at the window and go on the moment a place frees) {
  world w;
  w.limits.windows = {{3, 60s}};
  w.a->configure(w.limits);
  w.subscribe();
  for (int i = 0; i < 5; ++i)
    w.change(i);
  CAF_CHECK_EQUAL(w.out.size(), 3u);
  CAF_CHECK(!w.a->next_wake(w.boot) || *w.a->next_wake(w.boot) > w.boot + 1h); // waits for outcomes
  w.pass(1s);
  w.answer();
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 60s);
  w.pass(60s - 1ms);
  w.turn();
  CAF_CHECK(w.out.empty());
  w.pass(1ms);
  w.turn();
  CAF_CHECK((w.numbers_out() == std::vector<std::uint64_t>{4, 5}));
}

CAF_TEST(an attempt that never sent a byte counts from its end) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.a->configure(w.limits);
  w.subscribe();
  w.change(1);
  w.change(2);
  w.pass(5s);
  w.answer(0);
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 60s);
}

CAF_TEST(slots per subscription and of the node bound what is in flight) {
  world w;
  w.limits.slots_per_subscription = 2;
  w.limits.slots_per_origin = 3;
  w.a->configure(w.limits);
  w.subscribe();
  w.subscribe();
  for (int i = 0; i < 5; ++i)
    w.change(i);
  CAF_CHECK_EQUAL(w.out.size(), 3u); // two of the first, one of the second: the origin is full
  world starving;
  starving.slots = 1;
  starving.subscribe();
  starving.begin();
  for (int i = 0; i < 3; ++i)
    starving.a->submit(
        {world::parse(R"({"entity":"Contact","action":"Update","record_id":1,"changes":{"x":[0,)" +
                      std::to_string(i) + "]}}")
             .events,
         {}});
  starving.end();
  CAF_CHECK_EQUAL(starving.out.size(), 1u);
  CAF_CHECK(starving.a->starved());
}

CAF_TEST(ordered waits for the previous outcome) {
  world w;
  w.subscribe("person", "update", [](domain::subscription& s) { s.ordered = true; });
  for (int i = 0; i < 3; ++i)
    w.change(i);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    CAF_CHECK((w.numbers_out() == std::vector<std::uint64_t>{n}));
    w.answer(n == 2 ? 500 : 200);
  }
}

CAF_TEST(over the backlog limit the oldest expire and show in the missed feed) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.limits.backlog_records = 3;
  w.a->configure(w.limits);
  w.subscribe();
  for (int i = 0; i < 6; ++i)
    w.change(i);
  const auto missed = w.a->missed({}, w.now_stamp());
  CAF_REQUIRE_EQUAL(missed.notifications.size(), 2u);
  CAF_CHECK_EQUAL(raw(missed.notifications[0].number), 2u);
  CAF_CHECK(missed.notifications[1].state == notification_state::expired);
  CAF_CHECK_EQUAL(missed.notifications[0].records.size(), 1u);
  CAF_CHECK_EQUAL(w.a->pending(), 3u);
}

CAF_TEST(the backlog is limited in bytes and an event that several wait for counts once) {
  world w;
  w.limits.windows = {{0, 60s}};
  w.limits.backlog_bytes = 1000;
  w.a->configure(w.limits);
  w.subscribe();
  w.subscribe();
  const auto post = [&](int id) {
    w.post(R"({"entity":"Contact","action":"Update","record_id":)" + std::to_string(id) +
           R"(,"changes":{"note":["","n)" + std::string(200, static_cast<char>('a' + id)) + R"("]}})");
  };
  post(0);
  const auto bytes = w.a->usage({w.boot, w.wall}).pending_bytes;
  CAF_CHECK(bytes > 200 && bytes < 400); // of two notifications
  CAF_CHECK_EQUAL(w.a->pending(), 2u);
  for (int i = 1; i < 10; ++i)
    post(i);
  CAF_CHECK(w.a->usage({w.boot, w.wall}).pending_bytes <= 1000);
  CAF_CHECK_EQUAL(w.a->usage({w.boot, w.wall}).pending_bytes / bytes, 1000 / bytes); // no more than need be
  CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::expired);
  CAF_CHECK(w.state(domain::notification_number{20}) == notification_state::pending);
}

CAF_TEST(what waits longer than the age limit expires) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.limits.backlog_age = 10s;
  w.a->configure(w.limits);
  w.subscribe();
  w.change(1);
  w.change(2);
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 10s);
  w.pass(10s);
  w.turn();
  CAF_CHECK(w.state(domain::notification_number{2}) == notification_state::expired);
  CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::claimed);
}

CAF_TEST(a pause holds and a resume sends in order) {
  world w;
  const auto id = w.subscribe();
  const auto set = [&](domain::subscription_status status) {
    auto s = w.a->subscriptions().subscriptions[0];
    s.status = status;
    w.begin();
    CAF_CHECK(std::holds_alternative<account::subscription_reply>(w.a->replace({s, true})));
    w.end();
  };
  set(domain::subscription_status::paused);
  w.change(1);
  w.change(2);
  CAF_CHECK(w.out.empty());
  w.start();
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::paused);
  set(domain::subscription_status::active);
  CAF_CHECK((w.numbers_out() == std::vector<std::uint64_t>{1, 2}));
  CAF_CHECK_EQUAL(raw(w.a->subscriptions().subscriptions[0].id), raw(id));
}

CAF_TEST(a change of something else does not undo a suspension that came meanwhile) {
  world w;
  w.subscribe();
  auto read_before = w.a->subscriptions().subscriptions[0];
  w.change(1);
  w.answer(410);
  read_before.description = "changed";
  w.begin();
  CAF_CHECK_EQUAL(status_of(w.a->replace({read_before, false})), 0);
  w.end();
  const auto now = w.a->subscriptions().subscriptions[0];
  CAF_CHECK(now.status == domain::subscription_status::suspended);
  CAF_CHECK_EQUAL(now.description, "changed");
}

CAF_TEST(a stale revision is a conflict) {
  world w;
  w.subscribe();
  auto s = w.a->subscriptions().subscriptions[0];
  w.begin();
  CAF_CHECK(std::holds_alternative<account::subscription_reply>(w.a->replace({s, false})));
  CAF_CHECK_EQUAL(slug_of(w.a->replace({s, false})), "conflict");
  w.end();
}

CAF_TEST(410 suspends and a probe reactivates) {
  world w;
  w.subscribe();
  w.change(1);
  w.answer(410);
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::suspended);
  w.change(2);
  w.change(3);
  CAF_CHECK(w.out.empty());
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 600s);
  w.pass(600s);
  w.turn();
  CAF_CHECK((w.numbers_out() == std::vector<std::uint64_t>{2}));
  w.answer(500);
  CAF_CHECK(w.out.empty());
  w.pass(600s);
  w.turn();
  CAF_CHECK((w.numbers_out() == std::vector<std::uint64_t>{3}));
  w.answer(200);
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::active);
}

CAF_TEST(failures in a row suspend only after the time) {
  world w;
  w.limits.suspend_after_failures = 3;
  w.a->configure(w.limits);
  w.subscribe();
  for (int i = 0; i < 5; ++i) {
    w.change(i);
    w.answer(500);
  }
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::active);
  w.pass(1h);
  w.change(9);
  w.answer(0);
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::suspended);
}

CAF_TEST(a success ends the row of failures) {
  world w;
  w.limits.suspend_after_failures = 3;
  w.a->configure(w.limits);
  w.subscribe();
  for (const auto status : {500, 500, 200, 500, 500}) {
    w.pass(1h);
    w.change(1);
    w.answer(status);
  }
  CAF_CHECK(w.a->subscriptions().subscriptions[0].status == domain::subscription_status::active);
}

CAF_TEST(Retry - After holds that subscription at most an hour) {
  world w;
  w.subscribe();
  w.change(1);
  auto r = w.result(503);
  r.retry_after = 120;
  w.begin();
  w.a->end(w.out[0].number, r);
  w.end();
  w.out.clear();
  w.change(2);
  CAF_CHECK(w.out.empty());
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 120s);
  w.pass(120s);
  w.turn();
  CAF_REQUIRE_EQUAL(w.out.size(), 1u);
  r.retry_after = 1'000'000;
  w.begin();
  w.a->end(w.out[0].number, r);
  w.end();
  w.change(3);
  CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 3600s);
}

CAF_TEST(deleting a subscription cancels what waits) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.a->configure(w.limits);
  const auto id = w.subscribe();
  w.change(1);
  w.change(2);
  w.begin();
  w.a->remove({id});
  w.end();
  CAF_CHECK(w.state(domain::notification_number{2}) == notification_state::cancelled);
  w.answer(200);
  CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::delivered);
  CAF_CHECK(w.a->at_rest());
  w.begin();
  CAF_CHECK_EQUAL(status_of(w.a->remove({id})), 404);
  w.end();
}

CAF_TEST(the subscription over the limit is refused) {
  world w;
  w.limits.max_subscriptions = 2;
  w.a->configure(w.limits);
  w.subscribe();
  w.subscribe();
  bool refused = false;
  try {
    w.subscribe();
  } catch (const std::runtime_error& e) {
    refused = std::string{e.what()}.find("2 subscriptions") != std::string::npos;
  }
  CAF_CHECK(refused);
}

CAF_TEST(a test notification is marked and stays out of the missed feed) {
  world w;
  const auto id = w.subscribe();
  w.begin();
  const auto number = std::get<domain::notification_number>(w.a->test({id, 0s}));
  w.end();
  CAF_REQUIRE_EQUAL(w.out.size(), 1u);
  CAF_CHECK(w.out[0].headers.find("webhook-test: 1\r\n") != std::string::npos);
  w.answer(500);
  CAF_CHECK(w.state(number) == notification_state::rejected);
  CAF_CHECK_EQUAL(w.a->last_feed(), 0u);
}

CAF_TEST(erasing an account cancels all and takes nothing more) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.a->configure(w.limits);
  w.subscribe();
  w.change(1);
  w.change(2);
  w.begin();
  w.a->erase();
  w.end();
  CAF_CHECK(w.state(domain::notification_number{2}) == notification_state::cancelled);
  CAF_CHECK_EQUAL(status_of(w.post(R"({"entity":"Contact","action":"Create","record_id":1})")), 404);
}
