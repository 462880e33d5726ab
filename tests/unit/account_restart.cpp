#define CAF_SUITE account_restart
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account/retention.hpp"
#include "account_fixture.hpp"
#include "storage/keys.hpp"

#include <random>
#include <set>

using namespace account_test;

CAF_TEST(a claim of an earlier life becomes unknown and is never sent again) {
  for (const bool saved : {false, true}) {
    world w;
    w.subscribe();
    w.change(1);
    if (saved)
      w.checkpoint();
    CAF_REQUIRE_EQUAL(w.out.size(), 1u);
    w.start();
    w.turn();
    CAF_CHECK(w.out.empty());
    CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::unknown);
    CAF_CHECK_EQUAL(w.a->missed({}, w.now_stamp()).notifications.size(), 1u);
    w.start();
    w.turn();
    CAF_CHECK_EQUAL(w.a->last_feed(), 1u);
  }
}

CAF_TEST(a reload within one life leaves claims to their outcomes) {
  for (const bool saved : {false, true}) {
    world w;
    w.subscribe();
    w.change(1);
    if (saved)
      w.checkpoint();
    const auto posts = w.out;
    w.load();
    w.out = posts;
    w.turn();
    CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::claimed);
    w.answer(200);
    CAF_CHECK(w.state(domain::notification_number{1}) == notification_state::delivered);
  }
}

CAF_TEST(windows go on across a restart) {
  for (const bool saved : {false, true}) {
    world w;
    w.limits.windows = {{3, 60s}};
    w.start();
    w.subscribe();
    for (int i = 0; i < 6; ++i)
      w.change(i);
    w.answer();
    if (saved)
      w.checkpoint();
    w.pass(10s);
    w.start();
    w.turn();
    CAF_CHECK(w.out.empty());
    CAF_CHECK(w.a->next_wake(w.boot) == w.boot + 50s);
    w.pass(50s);
    w.turn();
    CAF_CHECK_EQUAL(w.out.size(), 3u);
  }
}

CAF_TEST(windows go on across a reboot by the wall clock) {
  for (const bool saved : {false, true})
    for (const auto jump : {0s, 7200s, -7200s}) {
      world w;
      w.limits.windows = {{1, 60s}};
      w.start();
      w.subscribe();
      w.change(1);
      w.change(2);
      w.answer();
      if (saved)
        w.checkpoint();
      w.pass(20s);
      w.stamp.boot_id[0] = 9; // another boot: its clock starts anew
      w.boot = domain::boot_time{5s};
      w.wall += jump;
      w.start();
      const auto wake = w.a->next_wake(w.boot);
      CAF_REQUIRE(wake.has_value());
      if (jump == 0s)
        CAF_CHECK(*wake == w.boot + 40s);
      else if (jump > 0s)
        CAF_CHECK(*wake <= w.boot);
      else
        CAF_CHECK(*wake == w.boot + 60s); // a claim from the future counts as now
    }
}

CAF_TEST(an unknown claim holds its place until after the latest moment it can have been sent) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  w.change(1);
  w.change(2);
  w.pass(100s);
  w.start();
  w.turn(); // its deadline was 15 s after the claim
  CAF_CHECK(w.out.size() == 1u);
  world quick;
  quick.limits.windows = {{1, 60s}};
  quick.start();
  quick.subscribe();
  quick.change(1);
  quick.change(2);
  quick.pass(1s);
  quick.start();
  quick.turn();
  CAF_CHECK(quick.out.empty());
  CAF_CHECK(quick.a->next_wake(quick.boot) == quick.boot + 60s);
}

CAF_TEST(pending notifications keep order and bodies over restarts) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  for (int i = 1; i <= 5; ++i)
    w.change(i);
  std::vector<std::string> bodies;
  for (int i = 1; i <= 5; ++i) {
    w.turn();
    CAF_REQUIRE_EQUAL(w.out.size(), 1u);
    CAF_CHECK_EQUAL(raw(w.out[0].number), static_cast<std::uint64_t>(i));
    CAF_CHECK(w.out[0].body.find("[" + std::to_string(i) + "]") != std::string::npos);
    w.answer();
    if (i % 2 == 0)
      w.checkpoint();
    w.start();
    w.pass(60s);
    w.turn();
    if (i < 5)
      CAF_CHECK_EQUAL(w.out.size(), 1u);
  }
}

CAF_TEST(a random life is the same whether replayed from the log or from checkpoints) {
  std::mt19937 random{42};
  for (int round = 0; round < 30; ++round) {
    world w;
    w.limits.windows = {{4, 10s}, {9, 60s}};
    w.limits.backlog_records = 12;
    w.limits.backlog_age = 90s;
    w.limits.slots_per_subscription = 3;
    w.start();
    w.subscribe();
    w.subscribe("person", "new");
    std::set<std::uint64_t> sent;
    for (int step = 0; step < 150; ++step) {
      w.pass(std::chrono::milliseconds{random() % 4000});
      const auto before = w.out.size();
      switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        w.change(static_cast<int>(random() % 5));
        break;
      case 3:
        w.post(R"({"entity":"Contact","action":"Create","record_ids":[1,2,3]})");
        break;
      case 4:
        w.answer(random() % 3 == 0 ? 500 : 200);
        break;
      case 5:
        w.checkpoint();
        break;
      default:
        w.turn();
      }
      for (auto i = std::min(before, w.out.size()); i < w.out.size(); ++i)
        CAF_CHECK(sent.insert(raw(w.out[i].number)).second);
      if (random() % 20 == 0) {
        w.start();
        w.turn();
        for (const auto& p : w.out)
          CAF_CHECK(sent.insert(raw(p.number)).second);
      }
    }
    w.answer();
    // The same account from what is stored must tell the same.
    const auto log = w.log();
    const auto pending = w.a->pending();
    const auto feed = w.a->last_feed();
    const auto usage = w.a->usage({w.boot, w.wall});
    w.load();
    const auto again = w.log();
    CAF_REQUIRE_EQUAL(again.size(), log.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      CAF_CHECK(again[i].number == log[i].number);
      CAF_CHECK(again[i].state == log[i].state);
      CAF_CHECK(again[i].records == log[i].records);
      CAF_CHECK_EQUAL(again[i].feed_number, log[i].feed_number);
    }
    CAF_CHECK_EQUAL(w.a->pending(), pending);
    CAF_CHECK_EQUAL(w.a->last_feed(), feed);
    const auto usage_again = w.a->usage({w.boot, w.wall});
    for (std::size_t i = 0; i < usage.windows.size(); ++i)
      CAF_CHECK_EQUAL(usage_again.windows[i].used, usage.windows[i].used);
    CAF_CHECK_EQUAL(usage_again.pending_bytes, usage.pending_bytes);
    CAF_CHECK_EQUAL(usage_again.in_flight, usage.in_flight);
  }
}

CAF_TEST(a cursor that retention has passed is gone and that of the empty feed is one) {
  world w;
  w.subscribe("person", "new");
  const auto page = [&](std::optional<std::uint64_t> after) {
    account::query_missed q;
    q.after = after;
    return w.a->missed(q, w.now_stamp());
  };
  const auto from_the_start = page({}).next;
  CAF_CHECK_EQUAL(from_the_start, 0u);
  for (int i = 0; i < 3; ++i) {
    w.post(R"({"entity":"Contact","action":"Create","record_id":)" + std::to_string(i) + "}");
    w.answer(500);
  }
  w.checkpoint();
  CAF_CHECK_EQUAL(page(from_the_start).notifications.size(), 3u);
  for (const std::uint64_t erased : {1, 2})
    w.source.tables.erase(storage::key(domain::shard_id{0}, storage::row_kind::missed, 64, erased));
  CAF_CHECK(page(from_the_start).gone);
  CAF_CHECK_EQUAL(page(from_the_start).earliest, 3u);
  CAF_CHECK(page(1).gone);
  CAF_CHECK_EQUAL(page(2).notifications.size(), 1u);
  CAF_CHECK_EQUAL(page({}).notifications.size(), 1u);
  CAF_CHECK(page(3).notifications.empty() && !page(3).gone);
  CAF_CHECK(page(4).gone); // a number that was never given
}

CAF_TEST(only blocks that nobody writes again are called past) {
  world w;
  w.subscribe("person", "new");
  const auto block = [&](std::uint64_t index) {
    return w.source.tables.at(storage::key(domain::shard_id{0}, storage::row_kind::block, 64, index));
  };
  for (int i = 0; i < 70; ++i) {
    w.post(R"({"entity":"Contact","action":"Create","record_id":)" + std::to_string(i) + "}");
    w.answer();
  }
  w.checkpoint();
  using storage::verdict;
  CAF_CHECK(account::judge_block(block(0), w.wall + 1s) == verdict::erase);
  CAF_CHECK(account::judge_block(block(1), w.wall + 1s) == verdict::keep); // more of it will come
  CAF_CHECK(account::judge_block(block(0), w.wall - 1h) == verdict::keep_group);
  // While one of it is open it stays, and what lies behind it is looked at.
  w.post(R"({"entity":"Contact","action":"Create","record_id":70})");
  w.out.clear(); // its outcome never comes
  for (int i = 71; i < 150; ++i) {
    w.post(R"({"entity":"Contact","action":"Create","record_id":)" + std::to_string(i) + "}");
    w.answer();
  }
  w.checkpoint();
  CAF_CHECK(account::judge_block(block(1), w.wall + 30 * 24h) == verdict::keep);
  auto damaged = block(0);
  damaged[9] = static_cast<char>(damaged[9] ^ 1);
  CAF_CHECK(account::judge_block(damaged, w.wall + 1s) == verdict::keep);
  CAF_CHECK(account::judge_block(block(0).substr(0, 20), w.wall + 1s) == verdict::keep);
  CAF_CHECK_EQUAL(w.log().size(), 100u);
  w.pass(8 * 24h);
  CAF_CHECK_EQUAL(w.log().size(), 1u);
}

CAF_TEST(a busy account saves itself now and then and not with every turn) {
  world w;
  w.subscribe();
  const auto snapshot = storage::key(domain::shard_id{0}, storage::row_kind::account, 64);
  const auto saved = [&] {
    const auto it = w.source.tables.find(snapshot);
    return it == w.source.tables.end() ? 0 : account::saved_seq(it->second);
  };
  auto before = saved();
  int saves = 0;
  for (int second = 0; second < 120; ++second) {
    w.pass(500ms);
    w.change(second); // each turn leaves something unsaved
    w.pass(500ms);
    w.answer();
    saves += std::exchange(before, saved()) != saved();
  }
  CAF_CHECK(saves >= 4); // a start replays 30 s of it at most
  CAF_CHECK(saves <= 8);
}

CAF_TEST(secrets are not in the store as plain text) {
  world w;
  w.subscribe("person", "new", [](domain::subscription& s) {
    s.copper.secret = domain::string_pairs{{"token", "plain-secret-text"}};
    s.copper.headers = domain::string_pairs{{"X-Key", "plain-header-text"}};
    s.signing.current = "plain-signing-key-0123456789";
  });
  w.checkpoint();
  std::string all;
  for (const auto& r : w.source.rows)
    all += r.entries;
  for (const auto& [k, v] : w.source.tables)
    all += v;
  CAF_CHECK(all.find("plain-") == std::string::npos);
  w.start();
  const auto s = w.a->subscriptions().subscriptions[0];
  CAF_CHECK_EQUAL((*s.copper.secret)[0].second, "plain-secret-text");
  CAF_CHECK_EQUAL(s.signing.current, "plain-signing-key-0123456789");
}
