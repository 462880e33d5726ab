#define CAF_SUITE host_lookup
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/link_fixture.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <string_view>

using namespace link_tests;

namespace {

/// Hosts of this domain get no answer as long as it stands: their name servers are silent.
class silent_domain {
public:
  silent_domain() { change([](auto& now) { now.silent = true; }); }
  /// Waits until all who asked have their answer: the next test's domain is another.
  ~silent_domain() {
    change([](auto& now) { now.silent = false; });
    asked(0);
  }
  silent_domain(const silent_domain&) = delete;
  silent_domain& operator=(const silent_domain&) = delete;

  /// Waits until so many questions wait for an answer.
  bool asked(std::size_t count) const {
    auto& now = state();
    std::unique_lock lock{now.mutex};
    return now.changed.wait_for(lock, patience, [&] { return now.waiting == count; });
  }

  std::size_t waiting() const {
    const std::lock_guard lock{state().mutex};
    return state().waiting;
  }

  /// What the system's call does for a host of the domain.
  static int ask() {
    auto& now = state();
    std::unique_lock lock{now.mutex};
    ++now.waiting;
    now.changed.notify_all();
    // Who waits for the answer all the same would wait for ever; so that the test can say so, it ends.
    now.changed.wait_for(lock, patience, [&] { return !now.silent; });
    --now.waiting;
    now.changed.notify_all();
    return EAI_AGAIN;
  }

private:
  struct shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool silent = false;
    std::size_t waiting = 0;
  };

  /// Never destroyed: a thread that asks may outlive the tests.
  static shared& state() {
    static auto* const one = new shared;
    return *one;
  }

  template <class Change>
  static void change(Change with) {
    const std::lock_guard lock{state().mutex};
    with(state());
    state().changed.notify_all();
  }
};

/// How an attempt ended, which needn't be waited for.
struct attempt {
  attempt(test_node& from, const std::string& address) {
    from.links.connect(address, "b", [to = ended](auto result) {
      to->set_value(std::holds_alternative<link_failure>(result) ? std::get<link_failure>(result)
                                                                 : link_failure{link_error::stopped, "a link stands"});
    });
  }

  link_failure result() {
    auto future = ended->get_future();
    return future.wait_for(patience) == std::future_status::ready ? future.get()
                                                                  : link_failure{link_error::stopped, "nothing came"};
  }

  std::shared_ptr<std::promise<link_failure>> ended = std::make_shared<std::promise<link_failure>>();
};

/// A node that would wait long for a name.
adjust patient() {
  return {[](auto& s) { s.connect_timeout = 60s; }, {}, {}};
}

} // namespace

/// The system's own, but for hosts of the silent domain.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto system = reinterpret_cast<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>(
      ::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (host != nullptr && std::string_view{host}.ends_with(".silent.test"))
    return silent_domain::ask();
  return system(host, service, hints, found);
}

CAF_TEST(a node stops while a name gets no answer) {
  const silent_domain silent;
  {
    test_node a{"a", patient()};
    attempt one{a, "b.silent.test:1"};
    CAF_REQUIRE(silent.asked(1));
    a.links.stop();
    CAF_CHECK(one.result().error == link_error::stopped);
  }
  // The node is gone, and the system's call is still where it was.
  CAF_CHECK_EQUAL(silent.waiting(), 1u);
}

CAF_TEST(an answer that comes after its node is gone goes nowhere) {
  std::optional<attempt> one;
  {
    const silent_domain silent;
    test_node a{"a", patient()};
    one.emplace(a, "b.silent.test:1");
    CAF_REQUIRE(silent.asked(1));
  }
  CAF_CHECK(one->result().error == link_error::stopped);
}

CAF_TEST(a name that gets no answer in time ends the attempt) {
  const silent_domain silent;
  test_node a{"a", {[](auto& s) { s.connect_timeout = 50ms; }, {}, {}}};
  const auto failed = attempt{a, "b.silent.test:1"}.result();
  CAF_CHECK(failed.error == link_error::unreachable);
  CAF_CHECK_EQUAL(failed.detail, "no answer for the name \"b.silent.test\" in time");
  CAF_CHECK(failed.retryable());
}

CAF_TEST(an attempt that waits for a name can be called off) {
  const silent_domain silent;
  test_node a{"a", patient()};
  std::promise<link_error> called_off;
  const auto id = a.links.connect("b.silent.test:1", "b", [&](auto result) {
    called_off.set_value(std::get<link_failure>(result).error);
  });
  CAF_REQUIRE(silent.asked(1));
  a.links.close(id);
  CAF_CHECK(called_off.get_future().get() == link_error::stopped);
}

CAF_TEST(a name that gets no answer holds up no other and is asked for once at a time) {
  const silent_domain silent;
  test_node b{"b", {[](auto& s) { s.self.host = "localhost"; }, node_identity("DNS:localhost"), {}}};
  test_node a{"a", {[](auto& s) { s.connect_timeout = 60s; }, {}, {}}};
  std::vector<attempt> all;
  for (int i = 0; i < 5; ++i)
    all.emplace_back(a, "b.silent.test:1");
  all.emplace_back(a, "c.silent.test:1");
  CAF_REQUIRE(silent.asked(2));
  auto result = a.connect("localhost" + b.links.address().substr(b.links.address().rfind(':')), "b");
  CAF_CHECK(std::holds_alternative<node_link>(result));
  CAF_CHECK_EQUAL(silent.waiting(), 2u);
}

CAF_TEST(a name that does not exist is said not to) {
  std::optional<attempt> one;
  test_node a{"a", patient()};
  {
    const silent_domain silent;
    one.emplace(a, "b.silent.test:1");
    CAF_REQUIRE(silent.asked(1));
  }
  const auto failed = one->result();
  CAF_CHECK(failed.error == link_error::unreachable);
  CAF_CHECK_EQUAL(failed.detail, "there is no host \"b.silent.test\"");
}
