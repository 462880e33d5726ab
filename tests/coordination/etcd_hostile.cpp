#define CAF_SUITE etcd_hostile
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/coordination/etcd_fixture.hpp"
#include "tests/coordination/fake_etcd.hpp"

#include <algorithm>
#include <memory>

using namespace etcd_fixture;
using namespace std::chrono_literals;
using fake_etcd::http;
using fake_etcd::visitor;

namespace {

const std::string status = "/v3/maintenance/status", range = "/v3/kv/range", txn = "/v3/kv/txn",
                  grant_path = "/v3/lease/grant", keepalive = "/v3/lease/keepalive", watch_path = "/v3/watch";

/// Longer than any answer takes that isn't held back.
constexpr std::chrono::milliseconds ample{5'000};

std::unique_ptr<configuration_store> store_at(std::vector<std::string> urls, std::chrono::milliseconds timeout) {
  etcd_settings settings;
  settings.endpoints = std::move(urls);
  settings.attempt_timeout = timeout;
  settings.poll_interval = 50ms;
  return make_etcd_store(settings);
}

struct nonsense {
  const char* name;
  std::function<void(visitor&)> answer;
};

const std::string flood_block(64 << 10, 'x');
const std::string ok = "HTTP/1.1 200 OK\r\n";

/// Each ends by itself or goes on for ever; none waits for a deadline.
const nonsense every_nonsense[] = {
  {"nothing", [](visitor&) {}},
  {"a reset", [](visitor& with) { with.reset(); }},
  {"half a head", [](visitor& with) { with.send(ok + "Content-Le"); }},
  {"half a body", [](visitor& with) { with.send(ok + "Content-Length: 100\r\n\r\n{\"header\":"); }},
  {"half a chunk", [](visitor& with) { with.send(ok + "Transfer-Encoding: chunked\r\n\r\n40\r\n{\"resu"); }},
  {"no HTTP", [](visitor& with) { with.send("SSH-2.0-OpenSSH_9.2\r\n"); }},
  {"no JSON", [](visitor& with) { with.send(http("<html>hello</html>")); }},
  {"no body", [](visitor& with) { with.send(http("")); }},
  {"another JSON", [](visitor& with) { with.send(http("{\"ok\":true}")); }},
  {"an array", [](visitor& with) { with.send(http("[[[[]]]]")); }},
  {"deep JSON", [](visitor& with) { with.send(http(std::string(1'000'000, '['))); }},
  {"wrong types", [](visitor& with) { with.send(http(R"({"header":{"cluster_id":7,"revision":[]}})")); }},
  {"no header", [](visitor& with) { with.send(http(R"({"succeeded":true,"responses":[{"response_put":{}}]})")); }},
  {"another status", [](visitor& with) { with.send(http("{}", "418 I'm a teapot")); }},
  {"a redirect", [](visitor& with) { with.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"); }},
  {"an interim answer", [](visitor& with) { with.send("HTTP/1.1 100 Continue\r\n\r\n"); }},
  {"a head without end",
   [](visitor& with) {
     with.send(ok);
     with.flood("X-More: " + std::string(500, 'x') + "\r\n");
   }},
  {"a line of the head without end",
   [](visitor& with) {
     with.send(ok + "X-More: ");
     with.flood(flood_block);
   }},
  {"a body without end",
   [](visitor& with) {
     with.send(ok + "\r\n");
     with.flood(flood_block);
   }},
  {"chunks without end",
   [](visitor& with) {
     with.send(ok + "Transfer-Encoding: chunked\r\n\r\n");
     with.flood("10000\r\n" + flood_block + "\r\n");
   }},
  {"4 GiB", [](visitor& with) {
     with.send(ok + "Content-Length: 4294967296\r\n\r\n");
     with.flood(flood_block);
   }},
};

/// What one connection may take from a flood, with what the sockets hold: an answer's bound is 4 MiB.
constexpr std::uint64_t flood_bound = 32 << 20;

fake_etcd::manner at(const std::string& path, std::function<void(visitor&)> answer) {
  return [path, answer](visitor& with, const std::string& asked) {
    if (asked == path)
      answer(with);
    return asked == path;
  };
}

bool changed_nothing(const std::optional<call_error>& error) {
  return error && (error->what == failure::unreachable || error->what == failure::unreadable);
}

using reports = heard<watch_report>;

bool is_following(const std::vector<watch_report>& all) {
  return !all.empty() && all.back().stream == watch_report::state::following;
}
bool was_following(const std::vector<watch_report>& all) {
  return std::ranges::any_of(all, [](const auto& each) { return each.stream == watch_report::state::following; });
}

std::unique_ptr<ongoing> watch_into(configuration_store& store, const std::shared_ptr<reports>& all) {
  return store.watch("/a", 0, [all](watch_report report) { (*all)(std::move(report)); });
}

} // namespace

CAF_TEST(nonsense is an error and is over when etcd speaks again) {
  fake_etcd::server server;
  auto store = store_at({server.url()}, ample);
  for (const auto& each : every_nonsense) {
    CAF_MESSAGE(each.name);
    server.behave(at(range, each.answer));
    CAF_CHECK(changed_nothing(get(*store, "/a").error));
    server.behave(at(grant_path, each.answer));
    CAF_CHECK(changed_nothing(grant(*store, 5s).error));
    // A member that doesn't say its status as etcd does is told nothing.
    const auto before = server.count(txn);
    server.behave(at(status, each.answer));
    CAF_CHECK(changed_nothing(swap(*store, {"/a", 0, "x", 0}).error));
    CAF_CHECK_EQUAL(server.count(txn), before);
    // Once it was told, nobody knows, and it is not told again.
    server.behave(at(txn, each.answer));
    const auto unknown = swap(*store, {"/a", 0, "x", 0});
    CAF_REQUIRE(unknown.error);
    CAF_CHECK(unknown.error->what == failure::unknown);
    CAF_CHECK(!unknown.succeeded && !unknown.current);
    CAF_CHECK_EQUAL(server.count(txn), before + 1);
    server.behave({});
    CAF_CHECK(!get(*store, "/a").error);
    CAF_CHECK_EQUAL(grant(*store, 5s).lease, 77);
    CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  }
  CAF_CHECK(server.most_written() < flood_bound);
}

CAF_TEST(a watch takes no nonsense for a stream) {
  for (const auto& each : every_nonsense) {
    CAF_MESSAGE(each.name);
    fake_etcd::server server;
    server.behave(at(watch_path, each.answer));
    auto store = store_at({server.url()}, ample);
    auto all = std::make_shared<reports>();
    const auto watching = watch_into(*store, all);
    CAF_CHECK(server.wait(watch_path, 2, patience));
    CAF_CHECK(!was_following(all->all()));
    server.behave({});
    CAF_CHECK(all->wait(is_following));
    CAF_CHECK(server.most_written() < flood_bound);
  }
}

CAF_TEST(a watch whose reads are nonsense is lost until etcd speaks again) {
  fake_etcd::server server;
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  for (const auto& each : every_nonsense) {
    CAF_MESSAGE(each.name);
    server.behave({});
    CAF_CHECK(all->wait(is_following));
    server.behave(at(range, each.answer));
    CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::lost; }));
  }
  CAF_CHECK(server.most_written() < flood_bound);
}

CAF_TEST(a stream that turns into nonsense ends and begins again) {
  const std::string created = R"({"result":{"header":{"cluster_id":"7","revision":"3"},"created":true}})";
  const auto chunk = [](const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", text.size());
    return std::string{size} + "\r\n" + text + "\r\n";
  };
  const auto begin = ok + "Transfer-Encoding: chunked\r\n\r\n" + chunk(created + "\n");
  const std::function<void(visitor&)> ends[] = {
    [&](visitor& with) { with.send(begin + chunk("<html>\n")), with.hold(); },
    [&](visitor& with) { with.send(begin + chunk(R"({"result":{}})" "\n")), with.hold(); },
    [&](visitor& with) { with.send(begin + chunk(R"({"error":{"grpc_code":14,"message":"no leader"}})" "\n")), with.hold(); },
    [&](visitor& with) { with.send(begin + "zz\r\n"), with.hold(); },
    [&](visitor& with) { with.send(begin + "0\r\n\r\n"), with.hold(); },
    [&](visitor& with) { with.send(begin), with.reset(); },
    [&](visitor& with) { with.send(begin), with.flood(chunk(flood_block)); },
  };
  fake_etcd::server server;
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  CAF_CHECK(all->wait(is_following));
  for (const auto& end : ends) {
    const auto before = server.count(watch_path);
    // The stream that is there ends because of the read, the next ones as they like.
    server.behave([&](visitor& with, const std::string& path) {
      if (path == range && server.count(watch_path) == before)
        return true;
      return at(watch_path, end)(with, path);
    });
    CAF_CHECK(server.wait(watch_path, before + 3, patience));
    server.behave({});
    CAF_CHECK(all->wait(is_following));
  }
  CAF_CHECK(server.most_written() < flood_bound);
}

CAF_TEST(what comes too slowly is given up) {
  fake_etcd::server server;
  auto store = store_at({server.url()}, 300ms);
  const auto slow = http(R"({"header":{"cluster_id":"7","revision":"3"},"leader":"1","kvs":[],"more":"nothing"})");
  const std::function<void(visitor&)> manners[] = {
    [](visitor& with) { with.hold(); },
    [&](visitor& with) { with.trickle(slow); },
    [](visitor& with) { with.send(ok + "Content-Length: 100\r\n\r\n"), with.hold(); },
  };
  for (const auto& each : manners) {
    server.behave(at(range, each));
    CAF_CHECK(get(*store, "/a").error->what == failure::unreachable);
    server.behave(at(status, each));
    CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).error->what == failure::unreachable);
    CAF_CHECK_EQUAL(server.count(txn), 0);
    server.behave(at(watch_path, each));
    auto all = std::make_shared<reports>();
    const auto watching = watch_into(*store, all);
    CAF_CHECK(server.wait(watch_path, server.count(watch_path) + 2, patience));
    CAF_CHECK(!was_following(all->all()));
    server.behave(at(keepalive, each));
    heard<std::string> lost;
    const auto keeping = store->keep_alive(77, 1s, [&](std::string why) { lost(std::move(why)); });
    CAF_CHECK(lost.wait([](const auto& seen) { return seen.size() == 1; }));
    server.behave({});
    wait_until_up(*store);
    CAF_CHECK(all->wait(is_following));
  }
}

CAF_TEST(a swap that was sent is never sent again) {
  fake_etcd::server one, other;
  auto store = store_at({one.url(), other.url()}, 2s);
  const auto held = at(txn, [](visitor& with) { with.hold(); });
  one.behave(held), other.behave(held);
  const auto unknown = swap(*store, {"/a", 0, "x", 0});
  CAF_REQUIRE(unknown.error);
  CAF_CHECK(unknown.error->what == failure::unknown);
  CAF_CHECK_EQUAL(one.count(txn), 1);
  CAF_CHECK_EQUAL(other.count(txn), 0);
  const auto closed = at(txn, [](visitor&) {});
  one.behave(closed), other.behave(closed);
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).error->what == failure::unknown);
  CAF_CHECK_EQUAL(one.count(txn) + other.count(txn), 2);
  one.behave({}), other.behave({});
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  // Before anything was sent, the other one may be asked.
  one.behave(at(status, [](visitor&) {}));
  for (int i = 0; i < 2; ++i)
    CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  // What etcd surely refused is known.
  one.behave({});
  const auto refused = at(txn, [](visitor& with) { with.send(http(R"({"error":"no","code":3})", "400 Bad Request")); });
  one.behave(refused), other.behave(refused);
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).error->what == failure::refused);
}

CAF_TEST(a member without a leader is told nothing) {
  fake_etcd::server server;
  server.say("7", "0", "3");
  auto store = store_at({server.url()}, ample);
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).error->what == failure::unreachable);
  CAF_CHECK_EQUAL(server.count(txn), 0);
}

CAF_TEST(another cluster is foreign to every call) {
  fake_etcd::server server;
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  CAF_CHECK(all->wait(is_following));
  server.say("8", "1", "30");
  const auto read = get(*store, "/a");
  CAF_REQUIRE(read.error);
  CAF_CHECK(read.error->what == failure::foreign);
  CAF_CHECK(read.at == 0 && read.entries.empty());
  const auto changed = swap(*store, {"/a", 0, "x", 0});
  CAF_REQUIRE(changed.error);
  CAF_CHECK(changed.error->what == failure::foreign);
  CAF_CHECK_EQUAL(server.count(txn), 0);
  const auto lease = grant(*store, 5s);
  CAF_REQUIRE(lease.error);
  CAF_CHECK(lease.error->what == failure::foreign);
  CAF_CHECK_EQUAL(lease.lease, 0);
  CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::lost; }));
  heard<std::string> lost;
  const auto keeping = store->keep_alive(77, 1s, [&](std::string why) { lost(std::move(why)); });
  CAF_CHECK(lost.wait([](const auto& seen) { return seen.size() == 1; }));
  CAF_CHECK(lost.all()[0].find("another etcd cluster") != std::string::npos);
  server.say("7", "1", "4");
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  CAF_CHECK(all->wait(is_following));
  // Its status was ours, its answer is not: it was told, and nobody knows whom.
  server.behave(at(txn, [](visitor& with) {
    with.send(http(R"({"header":{"cluster_id":"8","revision":"3"},"succeeded":true,"responses":[{"response_put":{}}]})"));
  }));
  const auto unknown = swap(*store, {"/a", 0, "x", 0});
  CAF_REQUIRE(unknown.error);
  CAF_CHECK(unknown.error->what == failure::unknown);
  CAF_CHECK(!unknown.succeeded);
}

CAF_TEST(a store whose revision went back has lost data and is not followed) {
  fake_etcd::server server;
  server.say("7", "1", "30", R"({"key":"L2E=","value":"eA==","mod_revision":"29"})");
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  CAF_CHECK(all->wait(is_following));
  server.say("7", "1", "4");
  CAF_CHECK(all->wait([](const auto& seen) {
    return seen.back().stream == watch_report::state::lost && seen.back().changes.empty() &&
           seen.back().detail.find("it has lost data") != std::string::npos;
  }));
  server.say("7", "1", "31", R"({"key":"L2E=","value":"eA==","mod_revision":"29"})");
  CAF_CHECK(all->wait(is_following));
}

CAF_TEST(beside a foreign endpoint the right one serves) {
  fake_etcd::server ours, stranger;
  stranger.say("8", "1", "30", R"({"key":"L2E=","value":"eA==","mod_revision":"29"})");
  auto store = store_at({ours.url(), stranger.url()}, ample);
  CAF_CHECK(!get(*store, "/a").error);
  // It turns away from the right one once.
  ours.behave(at(range, [](visitor&) {}));
  CAF_CHECK(get(*store, "/a").error.has_value());
  ours.behave({});
  for (int i = 0; i < 3; ++i) {
    const auto read = get(*store, "/a");
    CAF_CHECK(!read.error && read.entries.empty());
    CAF_CHECK_EQUAL(read.at, 3);
    CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  }
  CAF_CHECK_EQUAL(stranger.count(txn), 0);
}

CAF_TEST(a deaf stream hides nothing and is left) {
  fake_etcd::server server;
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  CAF_CHECK(all->wait(is_following));
  const auto streams = server.count(watch_path);
  int revision = 3;
  const auto change_one = [&] {
    const auto now = std::to_string(++revision);
    server.say("7", "1", now, R"({"key":"L2E=","value":"eA==","mod_revision":")" + now + R"("})");
    CAF_CHECK(all->wait([&](const auto& seen) {
      return std::ranges::any_of(seen, [&](const auto& report) {
        return std::ranges::any_of(report.changes, [&](const auto& each) { return each.at == revision; });
      });
    }));
  };
  change_one(), change_one();
  CAF_CHECK(server.wait(watch_path, streams + 1, patience));
  CAF_CHECK(all->wait(is_following));
  server.say("7", "1", "9");
  CAF_CHECK(all->wait([](const auto& seen) { return !seen.back().changes.empty() && !seen.back().changes[0].now; }));
}

CAF_TEST(a watch follows only when it has told what came before its stream) {
  fake_etcd::server server;
  // Created at 9, while the reads, of a while before, are at 3.
  server.behave(at(watch_path, [](visitor& with) {
    with.send(ok + "\r\n" + R"({"result":{"header":{"cluster_id":"7","revision":"9"},"created":true}})" + "\n");
    with.hold();
  }));
  auto store = store_at({server.url()}, ample);
  auto all = std::make_shared<reports>();
  const auto watching = watch_into(*store, all);
  CAF_CHECK(server.wait(watch_path, 1, patience));
  CAF_CHECK(server.wait(range, server.count(range) + 5, patience));
  CAF_CHECK(!was_following(all->all()));
  server.say("7", "1", "9", R"({"key":"L2E=","value":"eA==","mod_revision":"8"})");
  CAF_CHECK(all->wait(is_following));
  const auto seen = all->all();
  CAF_CHECK(std::ranges::any_of(seen, [](const auto& each) { return !each.changes.empty() && each.changes[0].at == 8; }));
  CAF_CHECK_EQUAL(seen.back().at, 9);
}
