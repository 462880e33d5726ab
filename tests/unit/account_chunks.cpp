// What shares a POST in Pipeliner's dialect, when each POST is due, and what batches of webhooks decide.
#define CAF_SUITE account_chunks
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account_fixture.hpp"

#include <algorithm>

using namespace account_test;

namespace {

domain::subscription webhook(std::string options, std::string uuid = "w") {
  domain::subscription s;
  s.target = "https://hooks.example.com/p";
  s.speaks = domain::dialect::pipeliner;
  s.pipeliner.uuid = std::move(uuid);
  s.pipeliner.events = {"Contact.*"};
  s.pipeliner.options = std::move(options);
  return s;
}

struct pipeliner_world : world {
  domain::subscription_id listen(const std::string& options) {
    return subscribe("", "", [&](domain::subscription& s) { s = webhook(options); });
  }
  /// One request of so many events, each of `records` records.
  void request(int events, int records = 1) {
    std::string body = "[";
    for (int e = 0; e < events; ++e) {
      body += e == 0 ? "" : ",";
      body += R"({"entity":"Contact","action":"Create","record_ids":[)";
      for (int r = 0; r < records; ++r)
        body += (r == 0 ? "" : ",") + std::to_string(++record);
      body += "]}";
    }
    post(body + ']');
  }
  /// Items of each notification, in the order of opening.
  std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> out_sizes;
    auto all = log();
    std::reverse(all.begin(), all.end());
    for (const auto& n : all)
      out_sizes.push_back(n.records.size());
    return out_sizes;
  }
  /// How many seconds after `since` each is due.
  std::vector<long> due(domain::boot_time since) const {
    std::vector<long> seconds;
    auto all = log();
    std::reverse(all.begin(), all.end());
    for (const auto& n : all)
      seconds.push_back(std::chrono::duration_cast<std::chrono::seconds>(n.due - since).count());
    return seconds;
  }
  /// One turn in which so many webhooks are changed; `ids` for those that are made.
  account::changes_reply change_all(const account::change_subscriptions& what) {
    begin();
    std::vector<domain::subscription_id> ids;
    for (auto left = account::creations(account::request{what}); left > 0; --left)
      ids.push_back(domain::subscription_id{next_subscription += 64});
    auto result = a->change(what, ids);
    end();
    return result;
  }
  int record = 0;
};

using sizes_t = std::vector<std::size_t>;
using seconds_t = std::vector<long>;

std::string slug_at(const account::changes_reply& reply, std::size_t i) {
  const auto* error = std::get_if<account::request_error>(&reply.results[i]);
  return error == nullptr ? "" : error->slug;
}

} // namespace

CAF_TEST(the items of one request share POSTs whether they come in one event or in many) {
  for (const auto& [events, records] : {std::pair{250, 1}, std::pair{1, 250}, std::pair{50, 5}}) {
    pipeliner_world w;
    w.listen("{}");
    w.request(events, records);
    CAF_CHECK(w.sizes() == sizes_t({100, 100, 50}));
  }
}

CAF_TEST(chunks of one request are due one delay after another however its events are cut) {
  for (const auto& [events, records] :
       {std::pair{25, 1}, std::pair{1, 25}, std::pair{5, 5}, std::pair{2, 13}}) {
    pipeliner_world w;
    w.listen(R"({"chunk_size":10,"chunk_delay":7})");
    w.request(events, records);
    const bool odd = events * records == 26;
    CAF_CHECK(w.sizes() == sizes_t({10, 10, odd ? 6u : 5u}));
    CAF_CHECK(w.due(w.boot) == seconds_t({0, 7, 14}));
    CAF_CHECK_EQUAL(w.out.size(), 1u);
  }
}

CAF_TEST(with a delay each request keeps its own schedule) {
  pipeliner_world w;
  w.listen(R"({"chunk_size":10,"chunk_delay":60})");
  const auto start = w.boot;
  w.request(15);
  w.pass(10s);
  w.request(12);
  CAF_CHECK(w.sizes() == sizes_t({10, 5, 10, 2}));
  CAF_CHECK(w.due(start) == seconds_t({0, 60, 10, 70}));
  w.pass(50s);
  w.turn();
  CAF_CHECK(w.numbers_out() == std::vector<std::uint64_t>({1, 3, 2}));
}

CAF_TEST(without a delay later requests fill what waits) {
  pipeliner_world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.listen(R"({"chunk_size":10})");
  w.request(1); // on its way
  w.request(4);
  w.request(3);
  w.request(7);
  CAF_CHECK(w.sizes() == sizes_t({1, 10, 4}));
}

CAF_TEST(a death between chunks moves none of them) {
  pipeliner_world w;
  w.listen(R"({"chunk_size":10,"chunk_delay":60})");
  const auto start = w.boot;
  w.request(30);
  w.answer();
  for (const bool saved : {false, true}) {
    if (saved)
      w.checkpoint();
    w.pass(20s);
    w.start();
    w.turn();
    CAF_CHECK(w.due(start) == seconds_t({0, 60, 120}));
    CAF_CHECK(w.out.empty());
  }
  w.pass(20s);
  w.turn();
  CAF_CHECK(w.numbers_out() == std::vector<std::uint64_t>({2}));
}

CAF_TEST(a batch of webhooks is all or nothing when it shall be) {
  pipeliner_world w;
  w.limits.max_subscriptions = 2;
  w.start();
  account::change_subscriptions batch;
  for (const auto* uuid : {"a", "b", "c"})
    batch.changes.emplace_back(account::create_subscription{webhook("{}", uuid)});
  const auto refused = w.change_all(batch);
  CAF_CHECK_EQUAL(slug_at(refused, 1), "");
  CAF_CHECK_EQUAL(slug_at(refused, 2), "subscription-limit");
  CAF_CHECK(w.a->subscriptions().subscriptions.empty());

  batch.all_or_nothing = false;
  const auto partly = w.change_all(batch);
  CAF_CHECK_EQUAL(slug_at(partly, 2), "subscription-limit");
  const auto kept = w.a->subscriptions().subscriptions;
  CAF_REQUIRE_EQUAL(kept.size(), 2u);
  CAF_CHECK_EQUAL(kept[1].pipeliner.uuid, "b");
  CAF_CHECK(kept[0].id != kept[1].id);
}

CAF_TEST(what a batch deletes makes room for what it restores) {
  pipeliner_world w;
  w.limits.max_subscriptions = 1;
  w.start();
  w.listen("{}");
  auto first = w.a->subscriptions().subscriptions.at(0);
  auto deleted = first;
  deleted.pipeliner.deleted = w.wall;
  account::change_subscriptions swap;
  swap.changes.emplace_back(account::replace_subscription{deleted});
  swap.changes.emplace_back(account::create_subscription{webhook("{}", "second")});
  const auto swapped = w.change_all(swap);
  CAF_CHECK_EQUAL(slug_at(swapped, 0), "");
  CAF_CHECK_EQUAL(slug_at(swapped, 1), "");

  first = w.a->subscriptions().subscriptions.at(0);
  first.pipeliner.deleted.reset();
  account::change_subscriptions back;
  back.changes.emplace_back(account::replace_subscription{first});
  CAF_CHECK_EQUAL(slug_at(w.change_all(back), 0), "subscription-limit");
}

CAF_TEST(a batch does not change one webhook twice nor from an old revision) {
  pipeliner_world w;
  w.listen("{}");
  const auto now = w.a->subscriptions().subscriptions.at(0);
  account::change_subscriptions batch;
  batch.changes.emplace_back(account::replace_subscription{now});
  batch.changes.emplace_back(account::replace_subscription{now});
  CAF_CHECK_EQUAL(slug_at(w.change_all(batch), 1), "conflict");
  const auto unchanged = w.a->subscriptions();
  CAF_CHECK_EQUAL(unchanged.subscriptions.at(0).revision, now.revision);
  batch.changes.pop_back();
  CAF_CHECK_EQUAL(slug_at(w.change_all(batch), 0), "");
  CAF_CHECK_EQUAL(slug_at(w.change_all(batch), 0), "conflict");
}

CAF_TEST(deleted webhooks are kept up to a number) {
  pipeliner_world w;
  for (int i = 0; i < 1001; ++i) {
    const auto id = w.listen("{}");
    auto all = w.a->subscriptions().subscriptions;
    auto made = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.id == id; });
    made->pipeliner.deleted = w.wall;
    account::change_subscriptions one;
    one.changes.emplace_back(account::replace_subscription{*made});
    w.change_all(one);
    w.pass(1s);
  }
  const auto left = w.a->subscriptions().subscriptions;
  CAF_REQUIRE_EQUAL(left.size(), 1000u);
  CAF_CHECK_EQUAL(raw(left.front().id), 128u); // the first, 64, is gone
}
