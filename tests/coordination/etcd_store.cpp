#define CAF_SUITE etcd_store
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/coordination/etcd_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

using namespace etcd_fixture;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<configuration_store> store_at(std::vector<std::string> urls) {
  etcd_settings settings;
  settings.endpoints = std::move(urls);
  settings.attempt_timeout = 2s; // an etcd that shares its disk and processors with all tests
  return make_etcd_store(settings);
}

using reports = heard<watch_report>;

bool told(const std::vector<watch_report>& all, const std::string& key, const std::optional<std::string>& value) {
  return std::ranges::any_of(all, [&](const auto& report) {
    return std::ranges::any_of(report.changes, [&](const auto& each) {
      return each.key == key && each.now.has_value() == value.has_value() && (!value || each.now->value == *value);
    });
  });
}

bool is_following(const std::vector<watch_report>& all) {
  return !all.empty() && all.back().stream == watch_report::state::following;
}

} // namespace

CAF_TEST(a swap succeeds or tells what is there) {
  etcd server;
  auto store = store_at({server.url()});
  wait_until_up(*store);
  const auto made = swap(*store, {"/a/1", 0, "one", 0});
  CAF_REQUIRE(!made.error);
  CAF_CHECK(made.succeeded);
  CAF_CHECK_EQUAL(made.current->value, "one");
  const auto again = swap(*store, {"/a/1", 0, "two", 0});
  CAF_CHECK(!again.error && !again.succeeded);
  CAF_CHECK(again.current == made.current);
  const auto changed = swap(*store, {"/a/1", made.current->modified, std::string{"\0\xFF", 2}, 0});
  CAF_CHECK(changed.succeeded);
  const auto read = get(*store, "/a/", reach::prefix);
  CAF_REQUIRE_EQUAL(read.entries.size(), 1u);
  CAF_CHECK(read.entries[0] == *changed.current);
  CAF_CHECK(get(*store, "/a/").entries.empty());
  CAF_CHECK(!swap(*store, {"/a/1", made.current->modified, std::nullopt, 0}).succeeded);
  const auto gone = swap(*store, {"/a/1", changed.current->modified, std::nullopt, 0});
  CAF_CHECK(gone.succeeded && !gone.current);
  CAF_CHECK(get(*store, "/a/1").entries.empty());
}

CAF_TEST(a watch tells what is there and what comes and goes) {
  etcd server;
  auto store = store_at({server.url()});
  wait_until_up(*store);
  const auto one = swap(*store, {"/w/1", 0, "one", 0});
  swap(*store, {"/x/1", 0, "other", 0});
  auto all = std::make_shared<reports>();
  const auto watching = store->watch("/w/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/w/1", "one") && is_following(seen); }));
  swap(*store, {"/w/2", 0, "two", 0});
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/w/2", "two"); }));
  swap(*store, {"/w/1", one.current->modified, std::nullopt, 0});
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/w/1", std::nullopt); }));
  CAF_CHECK(!told(all->all(), "/x/1", "other"));
}

CAF_TEST(a key goes with its lease and stays while it is kept alive) {
  etcd server;
  auto store = store_at({server.url()});
  wait_until_up(*store);
  const auto kept = grant(*store, 2s), left = grant(*store, 2s);
  CAF_REQUIRE(!kept.error && !left.error);
  heard<std::string> lost;
  auto keeping = store->keep_alive(kept.lease, kept.ttl, [&](std::string why) { lost(std::move(why)); });
  auto all = std::make_shared<reports>();
  const auto watching = store->watch("/l/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  CAF_CHECK(swap(*store, {"/l/kept", 0, "k", kept.lease}).succeeded);
  CAF_CHECK(swap(*store, {"/l/left", 0, "l", left.lease}).succeeded);
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/l/left", std::nullopt); }));
  CAF_CHECK_EQUAL(get(*store, "/l/", reach::prefix).entries.size(), 1u);
  CAF_CHECK(lost.all().empty());
  keeping.reset();
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/l/kept", std::nullopt); }));
  const auto late = store->keep_alive(kept.lease, kept.ttl, [&](std::string why) { lost(std::move(why)); });
  CAF_CHECK(lost.wait([](const auto& seen) { return seen.size() == 1; }));
  CAF_CHECK(swap(*store, {"/l/late", 0, "x", kept.lease}).error->what == failure::refused);
}

CAF_TEST(after a restart of etcd everything goes on) {
  etcd server;
  auto store = store_at({server.url()});
  wait_until_up(*store);
  auto all = std::make_shared<reports>();
  const auto watching = store->watch("/r/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  CAF_CHECK(swap(*store, {"/r/1", 0, "one", 0}).succeeded);
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/r/1", "one"); }));
  server.stop();
  CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::lost; }));
  CAF_CHECK(get(*store, "/r/1").error->what == failure::unreachable);
  CAF_CHECK(swap(*store, {"/r/2", 0, "two", 0}).error->what == failure::unreachable);
  server.start();
  wait_until_up(*store);
  CAF_CHECK(swap(*store, {"/r/3", 0, "three", 0}).succeeded);
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/r/3", "three") && is_following(seen); }));
  CAF_CHECK(!told(all->all(), "/r/2", "two"));
}

CAF_TEST(a stopped etcd delays nobody for long and its lease is given up) {
  etcd server;
  auto store = store_at({server.url()});
  wait_until_up(*store);
  const auto lease = grant(*store, 2s);
  heard<std::string> lost;
  const auto keeping = store->keep_alive(lease.lease, lease.ttl, [&](std::string why) { lost(std::move(why)); });
  auto all = std::make_shared<reports>();
  const auto watching = store->watch("/s/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  CAF_CHECK(all->wait(is_following));
  server.pause();
  CAF_CHECK(get(*store, "/s/1").error->what == failure::unreachable);
  // Its status had to come before anything is sent: so nothing was.
  CAF_CHECK(swap(*store, {"/s/1", 0, "one", 0}).error->what == failure::unreachable);
  CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::lost; }));
  CAF_CHECK(lost.wait([](const auto& seen) { return seen.size() == 1; }));
  server.go_on();
  wait_until_up(*store);
  // It reads before it has found its leader, which is itself, and only that writes.
  bool written = false;
  for (int tries = 0; tries < 20 && !written; ++tries)
    written = swap(*store, {"/s/2", 0, "two", 0}).succeeded || !get(*store, "/s/2").entries.empty();
  CAF_CHECK(written);
  CAF_CHECK(all->wait([](const auto& seen) { return told(seen, "/s/2", "two") && is_following(seen); }));
  CAF_CHECK(!told(all->all(), "/s/1", "one"));
}

CAF_TEST(a full etcd says so and still reads) {
  etcd server{{"--quota-backend-bytes", "65536"}};
  auto store = store_at({server.url()});
  wait_until_up(*store);
  swap_result last;
  for (int i = 0; i < 200 && !last.error; ++i)
    last = swap(*store, {"/f/" + std::to_string(i), 0, std::string(4096, 'x'), 0});
  CAF_REQUIRE(last.error);
  CAF_CHECK(last.error->what == failure::full);
  CAF_CHECK(!get(*store, "/f/0").error);
}

CAF_TEST(another endpoint serves when one is dead and one of another cluster is refused) {
  etcd server, stranger;
  auto store = store_at({loopback(free_port()), server.url()});
  wait_until_up(*store);
  CAF_CHECK(swap(*store, {"/e/1", 0, "one", 0}).succeeded);
  auto both = store_at({server.url(), stranger.url()});
  wait_until_up(*both);
  const auto lonely = store_at({stranger.url()});
  wait_until_up(*lonely);
  server.stop();
  const auto failed = swap(*both, {"/e/2", 0, "two", 0});
  CAF_REQUIRE(failed.error);
  CAF_CHECK(failed.error->what == failure::foreign);
  CAF_CHECK(get(*lonely, "/e/2").entries.empty());
}

CAF_TEST(each call is answered when the store goes) {
  auto answered = std::make_shared<std::atomic<int>>(0);
  auto lost = std::make_shared<reports>();
  std::unique_ptr<ongoing> watching;
  {
    auto store = store_at({"http://name.invalid:2379", loopback(free_port())});
    watching = store->watch("/", 0, [lost](watch_report report) { (*lost)(std::move(report)); });
    for (int i = 0; i < 10; ++i) {
      store->get("a", reach::key, [answered](get_result) { ++*answered; });
      store->compare_and_swap({"a", 0, "x", 0}, [answered](swap_result) { ++*answered; });
    }
  }
  CAF_CHECK_EQUAL(answered->load(), 20);
}
