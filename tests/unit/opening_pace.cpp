#define CAF_SUITE opening_pace
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/opening_pace.hpp"

#include <algorithm>

using namespace carillon::net;
using std::chrono::milliseconds;
using kind = opening_pace::kind;

namespace {

constexpr auto at_a_time = opening_pace::at_a_time;
constexpr milliseconds whole{15'000};

std::size_t begin_all(opening_pace& pace) {
  std::size_t begun = 0;
  while (pace.try_begin())
    ++begun;
  return begun;
}

/// How many of a crowd get their turn within `time`, though no connection is ever open.
std::size_t begun_within(milliseconds time, opening_pace& pace, std::size_t crowd) {
  std::size_t begun = 0;
  for (auto now = timer_wheel::tick; now <= time; now += timer_wheel::tick) {
    CAF_CHECK(pace.tick(crowd - begun, whole - now) || crowd == begun);
    begun += std::min(crowd - begun, begin_all(pace));
  }
  return begun;
}

} // namespace

CAF_TEST(a few connections are begun at a time and another when one has ended) {
  opening_pace pace{kind::as_taken};
  CAF_CHECK_EQUAL(begin_all(pace), at_a_time);
  pace.ended();
  CAF_CHECK_EQUAL(begin_all(pace), 1u);
  for (int i = 0; i < 100; ++i)
    pace.ended();
  CAF_CHECK_EQUAL(begin_all(pace), at_a_time);
}

CAF_TEST(connections that take long hold up no other but a crowd does not raise the pace) {
  constexpr auto long_time = opening_pace::long_ticks * timer_wheel::tick;
  opening_pace pace{kind::as_taken};
  CAF_CHECK_EQUAL(begin_all(pace), at_a_time);
  CAF_CHECK_EQUAL(begun_within(long_time - timer_wheel::tick, pace, 8192), 0u);
  CAF_CHECK_EQUAL(begun_within(10 * long_time, pace, 8192), 10 * at_a_time);
}

CAF_TEST(the ticks end when all may be begun again) {
  opening_pace pace{kind::as_taken};
  CAF_CHECK(pace.try_begin());
  for (int i = 1; i < opening_pace::long_ticks; ++i)
    CAF_CHECK(pace.tick(0, {}));
  CAF_CHECK(!pace.tick(0, {}));
  CAF_CHECK_EQUAL(begin_all(pace), at_a_time);
}

CAF_TEST(where connections are spread none follows before the next tick) {
  opening_pace pace{kind::spread};
  CAF_CHECK_EQUAL(begin_all(pace), 1u);
  for (int i = 0; i < 100; ++i)
    pace.ended();
  CAF_CHECK_EQUAL(begin_all(pace), 0u);
  CAF_CHECK(pace.tick(1, whole));
  CAF_CHECK_EQUAL(begin_all(pace), 1u);
  CAF_CHECK(!pace.tick(0, {}));
}

CAF_TEST(a crowd is spread over a part of the time until its deadline) {
  for (const std::size_t crowd : {10u, 100u, 8192u}) {
    opening_pace pace{kind::spread};
    const auto at_once = begun_within(timer_wheel::tick, pace, crowd);
    CAF_CHECK(at_once <= crowd / 100 + 1);
    CAF_CHECK(begun_within(whole / 2, pace, crowd - at_once) >= (crowd - at_once) * 9 / 10);
  }
  for (const milliseconds left : {milliseconds{10}, milliseconds{0}, milliseconds{-5}}) {
    opening_pace pace{kind::spread};
    pace.tick(1000, left);
    CAF_CHECK_EQUAL(begin_all(pace), 1000u);
  }
}
