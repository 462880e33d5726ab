#define CAF_SUITE rate_limit
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/rate_limit.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::chrono_literals;

namespace {

boot_time at(std::chrono::nanoseconds t) {
  return boot_time{1000s + t};
}

/// Whether any window of that length over the first bytes holds more than it may.
bool exceeded(std::vector<boot_time> first_bytes, const limit_window& w) {
  std::sort(first_bytes.begin(), first_bytes.end());
  for (std::size_t i = 0; i + w.count < first_bytes.size(); ++i)
    if (first_bytes[i + w.count] - first_bytes[i] < w.length)
      return true;
  return false;
}

} // namespace

CAF_TEST(a fresh account has all places) {
  rate_limit r{{{600, 60s}, {1800, 600s}}};
  CAF_CHECK_EQUAL(r.free(at(0s)), 600u);
}

CAF_TEST(a claim holds its place until one window after its first byte) {
  rate_limit r{{{2, 60s}}};
  r.take(2);
  CAF_CHECK_EQUAL(r.free(at(0s)), 0u);
  CAF_CHECK(!r.next_free(at(0s))); // depends on POSTs under way
  CAF_CHECK_EQUAL(r.free(at(1000s)), 0u);
  r.settle(at(5s));
  CAF_CHECK_EQUAL(r.free(at(64s + 999ms)), 0u);
  CAF_CHECK(r.next_free(at(10s)) == at(65s));
  CAF_CHECK_EQUAL(r.free(at(65s)), 1u);
  CAF_CHECK_EQUAL(r.held(), 1u);
}

CAF_TEST(every window counts and the latest decides when a place frees) {
  rate_limit r{{{2, 10s}, {3, 100s}}};
  for (int i = 0; i < 3; ++i) {
    r.take(1);
    r.settle(at(std::chrono::seconds{i * 20}));
  }
  CAF_CHECK_EQUAL(r.free(at(90s)), 0u);
  CAF_CHECK(r.next_free(at(90s)) == at(100s));
  CAF_CHECK_EQUAL(r.free(at(100s)), 1u);
}

CAF_TEST(a part of a millisecond rounds up so that no place frees early) {
  rate_limit r{{{1, 1s}}};
  r.take(1);
  r.settle(at(100us));
  CAF_CHECK_EQUAL(r.free(at(1000ms)), 0u);
  CAF_CHECK_EQUAL(r.free(at(1001ms)), 1u);
}

CAF_TEST(outcomes may come out of order) {
  rate_limit r{{{3, 10s}}};
  r.take(3);
  r.settle(at(3s));
  r.settle(at(1s));
  r.settle(at(2s));
  CAF_CHECK_EQUAL(r.free(at(10s)), 0u);
  CAF_CHECK_EQUAL(r.free(at(11s)), 1u);
  CAF_CHECK_EQUAL(r.free(at(12s)), 2u);
  r.take(1);
  r.settle(at(500ms)); // told late, already past
  CAF_CHECK_EQUAL(r.free(at(12s)), 2u);
}

CAF_TEST(new limits apply to what is remembered) {
  rate_limit r{{{10, 60s}}};
  r.take(5);
  for (int i = 0; i < 5; ++i)
    r.settle(at(0s));
  r.set_windows({{4, 60s}});
  CAF_CHECK_EQUAL(r.free(at(30s)), 0u);
  CAF_CHECK(r.next_free(at(30s)) == at(60s));
  r.set_windows({{7, 60s}, {6, 30s}});
  CAF_CHECK_EQUAL(r.free(at(29s)), 1u);
  CAF_CHECK_EQUAL(r.free(at(31s)), 2u);
}

CAF_TEST(a limit of zero never has a place) {
  rate_limit r{{{0, 60s}}};
  CAF_CHECK_EQUAL(r.free(at(0s)), 0u);
  CAF_CHECK(!r.next_free(at(0s)));
}

CAF_TEST(what is remembered goes over a restart) {
  rate_limit before{{{100, 60s}}};
  before.take(40);
  for (int i = 0; i < 40; ++i)
    before.settle(at(std::chrono::milliseconds{i * 7}));
  rate_limit after{{{100, 60s}}};
  for (const auto& b : before.history())
    after.remember(boot_time{std::chrono::milliseconds{b.at_ms}}, b.count, rate_limit::keeping::saved);
  for (auto t = 0s; t < 70s; t += 1s)
    CAF_CHECK_EQUAL(after.free(at(t)), before.free(at(t)));
}

CAF_TEST(no window is ever exceeded and no place is left unused for random delays) {
  std::mt19937 random{7};
  for (int round = 0; round < 200; ++round) {
    const std::vector<limit_window> windows{{5 + static_cast<std::uint32_t>(round % 7), 10s},
                                            {12 + static_cast<std::uint32_t>(round % 11), 60s}};
    rate_limit r{windows};
    std::vector<boot_time> first_bytes;
    std::vector<boot_time> under_way;
    auto now = at(0s);
    for (int step = 0; step < 400; ++step) {
      now += std::chrono::milliseconds{random() % 1500};
      std::erase_if(under_way, [&](boot_time first_byte) {
        if (first_byte > now)
          return false;
        r.settle(first_byte);
        return true;
      });
      if (r.free(now) > 0) {
        r.take(1);
        const auto first_byte = now + std::chrono::microseconds{random() % 3'000'000};
        under_way.push_back(first_byte);
        first_bytes.push_back(first_byte);
      } else if (under_way.empty()) {
        const auto next = r.next_free(now);
        CAF_REQUIRE(next.has_value());
        CAF_CHECK(*next > now);
        CAF_CHECK_EQUAL(r.free(*next - 1ms), 0u);
        CAF_CHECK(r.free(*next) > 0);
        now = *next;
      }
    }
    for (const auto& w : windows)
      CAF_CHECK(!exceeded(first_bytes, w));
  }
}

CAF_TEST(what is unsaved is told until it is called saved) {
  rate_limit r{{{100, 60s}}};
  const auto settle = [&](std::chrono::milliseconds t) {
    r.take(1);
    r.settle(at(t));
  };
  const auto unsaved = [&] {
    std::string out;
    for (const auto& b : r.unsaved())
      out += std::to_string(b.at_ms - 1'000'000) + "x" + std::to_string(b.count) + " ";
    return out;
  };
  settle(20ms);
  settle(10ms);
  settle(20ms);
  settle(30ms);
  CAF_CHECK_EQUAL(unsaved(), "10x1 20x2 30x1 ");
  r.saved(2);
  CAF_CHECK_EQUAL(unsaved(), "30x1 ");
  settle(20ms); // in a place that is saved, as one more
  settle(5ms);  // before all that is
  settle(15ms);
  CAF_CHECK_EQUAL(unsaved(), "5x1 15x1 20x1 30x1 ");
  r.remember(at(12ms), 3, rate_limit::keeping::saved);
  CAF_CHECK_EQUAL(unsaved(), "5x1 15x1 20x1 30x1 ");
  r.saved(3);
  r.remember(at(7ms), 1, rate_limit::keeping::saved);
  CAF_CHECK_EQUAL(unsaved(), "30x1 ");
  r.advance(at(60s + 25ms));
  CAF_CHECK_EQUAL(unsaved(), "30x1 ");
  settle(40ms);
  CAF_CHECK_EQUAL(unsaved(), "30x1 40x1 ");
  r.advance(at(60s + 30ms));
  CAF_CHECK_EQUAL(unsaved(), "40x1 ");
  r.saved(9);
  CAF_CHECK_EQUAL(unsaved(), "");
}
