#define CAF_SUITE timer_wheel
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/timer_wheel.hpp"

#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace carillon::net;
using carillon::domain::boot_time;
using std::chrono::milliseconds;

namespace {

struct alarm final : timer_entry {
  std::function<void()> action = [] {};
  int calls = 0;
  void on_due() override {
    ++calls;
    action();
  }
};

boot_time at(std::int64_t ms) { return boot_time{milliseconds{ms}}; }

} // namespace

CAF_TEST(nothing is early and nothing later than a tick) {
  std::mt19937 random{1};
  timer_wheel wheel{at(0)};
  struct timed {
    alarm entry;
    std::int64_t due = 0, called = -1;
  };
  std::vector<std::unique_ptr<timed>> all;
  std::int64_t now = 0;
  for (int i = 0; i < 2000; ++i) {
    auto next = std::make_unique<timed>();
    next->due = static_cast<std::int64_t>(random() % 90'000); // several rounds of the wheel
    next->entry.action = [&now, raw = next.get()] { raw->called = now; };
    wheel.arm(next->entry, at(next->due));
    all.push_back(std::move(next));
  }
  for (; now < 91'000; now += 20)
    wheel.advance(at(now));
  for (const auto& one : all) {
    CAF_REQUIRE_EQUAL(one->entry.calls, 1);
    CAF_REQUIRE(one->called >= one->due);
    CAF_REQUIRE(one->called <= one->due + 40);
  }
}

CAF_TEST(what is disarmed or gone is not called) {
  timer_wheel wheel{at(1000)};
  alarm kept, disarmed;
  {
    alarm gone;
    wheel.arm(gone, at(1100));
    wheel.arm(kept, at(1100));
    wheel.arm(disarmed, at(1100));
  }
  wheel.disarm(disarmed);
  wheel.advance(at(2000));
  CAF_CHECK_EQUAL(kept.calls, 1);
  CAF_CHECK_EQUAL(disarmed.calls, 0);
  wheel.advance(at(100'000));
  CAF_CHECK_EQUAL(kept.calls, 1);
}

CAF_TEST(arming again replaces the moment) {
  timer_wheel wheel{at(0)};
  alarm later;
  wheel.arm(later, at(100));
  wheel.arm(later, at(500));
  wheel.advance(at(400));
  CAF_CHECK_EQUAL(later.calls, 0);
  wheel.advance(at(600));
  CAF_CHECK_EQUAL(later.calls, 1);
}

CAF_TEST(a moment in the past is due at the next tick) {
  timer_wheel wheel{at(1000)};
  alarm late;
  wheel.arm(late, at(-5));
  wheel.advance(at(1040));
  CAF_CHECK_EQUAL(late.calls, 1);
}

CAF_TEST(a call may arm itself and disarm or destroy others) {
  timer_wheel wheel{at(0)};
  alarm first;
  auto second = std::make_unique<alarm>();
  alarm third;
  first.action = [&] {
    second.reset();
    wheel.disarm(third);
    wheel.arm(first, at(200));
  };
  wheel.arm(first, at(10));
  wheel.arm(*second, at(10));
  wheel.arm(third, at(10));
  wheel.advance(at(100));
  CAF_CHECK_EQUAL(first.calls, 1);
  CAF_CHECK_EQUAL(third.calls, 0);
  first.action = [] {};
  wheel.advance(at(300));
  CAF_CHECK_EQUAL(first.calls, 2);
}

CAF_TEST(a long pause calls everything once) {
  timer_wheel wheel{at(0)};
  std::vector<std::unique_ptr<alarm>> all;
  for (int i = 0; i < 3000; ++i) {
    all.push_back(std::make_unique<alarm>());
    wheel.arm(*all.back(), at(i * 20));
  }
  wheel.advance(at(86'400'000));
  for (const auto& one : all)
    CAF_REQUIRE_EQUAL(one->calls, 1);
}
