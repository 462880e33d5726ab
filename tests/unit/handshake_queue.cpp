#define CAF_SUITE handshake_queue
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/handshake_queue.hpp"
#include "net/opening_pace.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

using namespace carillon::net;

namespace {

struct handshake final : handshake_entry {
  handshake(std::string& into, char as) : taken{into}, name{as} {}
  void take_step() override { taken += name; }
  std::string& taken;
  char name;
};

constexpr std::size_t least = 2;

std::size_t start_all(opening_pace& pace) {
  std::size_t started = 0;
  while (pace.try_start())
    ++started;
  return started;
}

} // namespace

CAF_TEST(the two classes take turns and each keeps its order) {
  std::string taken;
  std::deque<handshake> all;
  handshake_queue queue;
  for (const char name : std::string{"abc"})
    queue.add(all.emplace_back(taken, name), handshake_class::silent);
  for (const char name : std::string{"ABCDE"})
    queue.add(all.emplace_back(taken, name), handshake_class::prompt);
  while (!queue.empty())
    queue.take_step();
  CAF_CHECK_EQUAL(taken, "AaBbCcDE");
  queue.take_step();
  CAF_CHECK_EQUAL(taken, "AaBbCcDE");
}

CAF_TEST(who is in the queue keeps the place and who is destroyed leaves) {
  std::string taken;
  handshake first{taken, '1'};
  auto second = std::make_unique<handshake>(taken, '2');
  handshake third{taken, '3'};
  handshake_queue queue;
  queue.add(first, handshake_class::prompt);
  queue.add(*second, handshake_class::prompt);
  queue.add(third, handshake_class::prompt);
  queue.add(first, handshake_class::prompt);
  second.reset();
  while (!queue.empty())
    queue.take_step();
  CAF_CHECK_EQUAL(taken, "13");
}

CAF_TEST(a few connections are opened at a time and the next when one is through) {
  opening_pace pace{least};
  CAF_CHECK_EQUAL(start_all(pace), least);
  pace.ended();
  CAF_CHECK_EQUAL(start_all(pace), 1u);
  for (int i = 0; i < 100; ++i)
    pace.ended();
  CAF_CHECK_EQUAL(start_all(pace), least);
}

CAF_TEST(whatever waits is opened within a bounded number of ticks) {
  for (const std::size_t crowd : {1u, 100u, 101u, 8192u}) {
    opening_pace pace{least};
    // None of them is ever through.
    std::size_t ticks = 0;
    for (auto waiting = crowd; waiting > 0; ++ticks) {
      pace.tick(waiting);
      const auto started = start_all(pace);
      CAF_CHECK(started <= least + crowd / opening_pace::most_ticks);
      waiting -= std::min(waiting, started);
    }
    CAF_CHECK(ticks <= opening_pace::most_ticks);
    pace.tick(0);
    CAF_CHECK_EQUAL(start_all(pace), least);
  }
}
