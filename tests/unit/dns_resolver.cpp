#define CAF_SUITE dns_resolver
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/dns_resolver.hpp"
#include "net/event_loop.hpp"
#include "tests/unit/dns_fixture.hpp"

#include <algorithm>
#include <optional>

using namespace carillon::net;

namespace {

struct fixture {
  explicit fixture(dns_settings settings = {}) {
    settings.nameservers = names.address();
    resolver = std::make_unique<dns_resolver>(loop, settings);
  }

  /// Runs the loop until the answer is there.
  dns_answer ask(const std::string& name) {
    std::optional<dns_answer> answer;
    if (const auto cached = resolver->resolve(name, [&](const dns_answer& later) { answer = later; }))
      return *cached;
    while (!answer)
      loop.turn(true);
    return answer.value();
  }

  dns_fixture::server names;
  event_loop loop;
  std::unique_ptr<dns_resolver> resolver;
};

std::vector<std::string> texts(const dns_answer& answer) {
  std::vector<std::string> found;
  for (const auto& address : answer.addresses)
    found.push_back(address.to_string());
  std::sort(found.begin(), found.end());
  return found;
}

using list = std::vector<std::string>;

} // namespace

CAF_TEST(addresses of both kinds are found) {
  fixture f;
  f.names.set("both.example.test", {.addresses = {"192.0.2.1", "192.0.2.2", "2001:db8::1"}});
  f.names.set("four.example.test", {.addresses = {"192.0.2.4"}});
  f.names.set("six.example.test", {.addresses = {"2001:db8::6"}});
  CAF_CHECK_EQUAL(texts(f.ask("both.example.test")), (list{"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
  CAF_CHECK_EQUAL(texts(f.ask("four.example.test")), list{"192.0.2.4"});
  CAF_CHECK_EQUAL(texts(f.ask("six.example.test")), list{"2001:db8::6"});
}

CAF_TEST(the hosts file counts) {
  fixture f;
  const auto answer = f.ask("localhost");
  CAF_CHECK_EQUAL(answer.error, "");
  const auto found = texts(answer);
  CAF_CHECK(std::find(found.begin(), found.end(), "127.0.0.1") != found.end());
  CAF_CHECK_EQUAL(f.names.asked("localhost"), 0);
}

CAF_TEST(answers are kept and questions for the same name are one) {
  fixture f;
  f.names.set("a.example.test", {.addresses = {"192.0.2.1"}});
  int answered = 0;
  for (int i = 0; i < 10; ++i)
    CAF_CHECK(!f.resolver->resolve("a.example.test", [&](const dns_answer&) { ++answered; }));
  while (answered < 10)
    f.loop.turn(true);
  CAF_CHECK_EQUAL(f.names.asked("a.example.test"), 2); // A and AAAA
  f.names.set("a.example.test", {.addresses = {"192.0.2.9"}});
  CAF_CHECK_EQUAL(texts(f.ask("a.example.test")), list{"192.0.2.1"});
  f.resolver->reload();
  CAF_CHECK_EQUAL(texts(f.ask("a.example.test")), list{"192.0.2.9"});
}

CAF_TEST(the time to live is kept within bounds) {
  using std::chrono::milliseconds;
  // A maximum of 0 makes every answer old at once; a TTL of 0 is raised to the minimum.
  fixture short_lived{{.nameservers = {}, .min_ttl = milliseconds{0}, .max_ttl = milliseconds{0}}};
  short_lived.names.set("a.example.test", {.addresses = {"192.0.2.1"}, .ttl = 3600});
  short_lived.ask("a.example.test");
  short_lived.ask("a.example.test");
  CAF_CHECK_EQUAL(short_lived.names.asked("a.example.test"), 4);
  fixture long_lived{{.nameservers = {}, .min_ttl = milliseconds{600'000}, .max_ttl = milliseconds{600'000}}};
  long_lived.names.set("a.example.test", {.addresses = {"192.0.2.1"}, .ttl = 0});
  long_lived.ask("a.example.test");
  long_lived.ask("a.example.test");
  CAF_CHECK_EQUAL(long_lived.names.asked("a.example.test"), 2);
}

CAF_TEST(failures are told apart and kept for a while) {
  fixture f{{.nameservers = {}, .try_timeout = std::chrono::milliseconds{20}, .tries = 1,
             .negative_ttl = std::chrono::milliseconds{600'000}}};
  f.names.set("broken.example.test", {.code = 2});
  f.names.set("silent.example.test", {.silent = true});
  f.names.set("empty.example.test", {});
  CAF_CHECK_EQUAL(f.ask("unknown.example.test").error, "the name has no address");
  CAF_CHECK_EQUAL(f.ask("empty.example.test").error, "the name has no address");
  CAF_CHECK_EQUAL(f.ask("silent.example.test").error, "the name servers did not answer in time");
  CAF_CHECK(!f.ask("broken.example.test").error.empty());
  const auto asked = f.names.asked("unknown.example.test");
  CAF_CHECK_EQUAL(f.ask("unknown.example.test").error, "the name has no address");
  CAF_CHECK_EQUAL(f.names.asked("unknown.example.test"), asked);
}

CAF_TEST(a dead name delays no other) {
  // Tries enough that no dead name gives up meanwhile; a datagram that gets lost is sent again.
  fixture f{{.nameservers = {}, .try_timeout = std::chrono::milliseconds{500}, .tries = 20}};
  int dead = 0;
  for (int i = 0; i < 300; ++i) {
    const auto name = "dead" + std::to_string(i) + ".example.test";
    f.names.set(name, {.silent = true});
    f.resolver->resolve(name, [&](const dns_answer&) { ++dead; });
  }
  for (int i = 0; i < 50; ++i) {
    const auto name = "live" + std::to_string(i) + ".example.test";
    f.names.set(name, {.addresses = {"192.0.2.1"}});
    CAF_CHECK_EQUAL(texts(f.ask(name)), list{"192.0.2.1"});
  }
  CAF_CHECK_EQUAL(dead, 0);
}

CAF_TEST(the cache is bounded) {
  fixture f{{.nameservers = {}, .max_entries = 4}};
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 20; ++i) {
      const auto name = "n" + std::to_string(i) + ".example.test";
      f.names.set(name, {.addresses = {"192.0.2.1"}});
      f.ask(name);
    }
  int asked = 0;
  for (int i = 0; i < 20; ++i)
    asked += f.names.asked("n" + std::to_string(i) + ".example.test");
  CAF_CHECK(asked >= 2 * (20 + 16));
}

CAF_TEST(an answer may ask the next question) {
  fixture f;
  f.names.set("first.example.test", {.addresses = {"192.0.2.1"}});
  f.names.set("second.example.test", {.addresses = {"192.0.2.2"}});
  std::optional<dns_answer> answer;
  f.resolver->resolve("first.example.test", [&](const dns_answer&) {
    f.resolver->resolve("second.example.test", [&](const dns_answer& later) { answer = later; });
  });
  while (!answer)
    f.loop.turn(true);
  CAF_REQUIRE(answer);
  CAF_CHECK_EQUAL(texts(*answer), list{"192.0.2.2"});
}

CAF_TEST(questions may be left open) {
  fixture f;
  f.names.set("silent.example.test", {.silent = true});
  bool called = false;
  f.resolver->resolve("silent.example.test", [&](const dns_answer&) { called = true; });
  f.loop.turn(false);
  f.resolver.reset();
  CAF_CHECK(!called);
}
