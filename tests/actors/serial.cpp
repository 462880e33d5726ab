#define CAF_SUITE serial
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "actors/serial.hpp"

#include <condition_variable>
#include <map>
#include <thread>
#include <vector>

using carillon::actors::serial;

CAF_TEST(each runs on the thread of who gives it) {
  serial turns;
  std::thread::id ran;
  turns.run([&] { ran = std::this_thread::get_id(); });
  CAF_CHECK(ran == std::this_thread::get_id());
}

CAF_TEST(what comes from within runs behind it) {
  serial turns;
  std::vector<int> order;
  turns.run([&] {
    turns.run([&] {
      turns.run([&] { order.push_back(3); });
      order.push_back(2);
    });
    order.push_back(1);
  });
  CAF_CHECK(order == (std::vector<int>{1, 2, 3}));
}

CAF_TEST(who comes while another runs leaves it to that one and waits for nobody) {
  serial turns;
  std::mutex guard;
  std::condition_variable changed;
  bool begun = false, go_on = false;
  std::thread::id first, second;
  std::thread other{[&] {
    turns.run([&] {
      std::unique_lock lock{guard};
      first = std::this_thread::get_id();
      begun = true;
      changed.notify_all();
      changed.wait(lock, [&] { return go_on; });
    });
  }};
  {
    std::unique_lock lock{guard};
    changed.wait(lock, [&] { return begun; });
  }
  turns.run([&] { second = std::this_thread::get_id(); });
  CAF_CHECK(second == std::thread::id{});
  {
    const std::lock_guard lock{guard};
    go_on = true;
    changed.notify_all();
  }
  other.join();
  CAF_CHECK(first != std::this_thread::get_id());
  CAF_CHECK(second == first);
}

CAF_TEST(many threads run one at a time and each in its order) {
  constexpr int threads = 4, each = 20'000;
  serial turns;
  int inside = 0, overlaps = 0, disorders = 0; // not atomic on purpose
  std::map<int, int> next;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        turns.run([&, t, i] {
          overlaps += inside++ != 0 ? 1 : 0;
          disorders += next[t]++ != i ? 1 : 0;
          --inside;
        });
    });
  for (auto& one : all)
    one.join();
  turns.run([] {}); // sees what the others did
  CAF_CHECK_EQUAL(overlaps, 0);
  CAF_CHECK_EQUAL(disorders, 0);
  for (int t = 0; t < threads; ++t)
    CAF_CHECK_EQUAL(next[t], each);
}
