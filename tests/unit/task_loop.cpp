#define CAF_SUITE task_loop
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/task.hpp"
#include "net/task_loop.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace carillon::net;
using namespace std::chrono_literals;

namespace {

/// Ends a turn in which nothing else comes, so that a loop that lost a task doesn't sleep for ever.
struct heartbeat final : timer_entry {
  void on_due() override {}
};

/// Counts the tasks that are done.
struct counter final : task_observer {
  void on_task_done() noexcept override { ++done; }
  int done = 0;
};

/// A loop on this thread, and what the tests of tasks wait for.
struct loop_fixture {
  /// Turns the loop until so many tasks are done.
  void turn_until(int wanted) {
    heartbeat beat;
    for (const auto end = std::chrono::steady_clock::now() + 20s;
         hears.done < wanted && std::chrono::steady_clock::now() < end;) {
      loop.events().timers().arm(beat, carillon::domain::boot_clock::now() + 100ms);
      loop.turn();
    }
    CAF_CHECK_EQUAL(hears.done, wanted);
  }

  task_loop loop;
  counter hears;
};

/// Goes on when another thread says so.
struct other_thread {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    thread = std::thread{[who, &loop = task_loop::here()] { loop.resume(who); }};
  }
  void await_resume() { thread.join(); }
  std::thread thread;
};

task<int> number(int value) {
  co_return value;
}

task<int> sum(int first, int second) {
  const int a = co_await number(first);
  const int b = co_await number(second);
  co_return a + b;
}

task<std::string> fails() {
  throw std::runtime_error("planned");
  co_return "";
}

task<std::string> tells_failure() {
  try {
    co_return co_await fails();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
}

task<int> waits_for_a_thread(std::thread::id& went_on) {
  other_thread other;
  co_await other;
  went_on = std::this_thread::get_id();
  co_return 1;
}

task<int> rests(std::chrono::milliseconds time, std::vector<int>& order, int value) {
  pause_for rest{time};
  co_await rest;
  order.push_back(value);
  co_return value;
}

task<int> lets_others_go_first(std::vector<int>& order, int value) {
  co_await next_turn{};
  order.push_back(value);
  co_return value;
}

task<int> holds(std::shared_ptr<int> what) {
  pause_for rest{1h};
  co_await rest;
  co_return *what;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(task_loop_tests, loop_fixture)

CAF_TEST(what_waits_for_nothing_is_done_at_once) {
  auto two = sum(1, 2);
  CAF_CHECK(!two.done());
  two.start(hears);
  CAF_CHECK(two.done());
  CAF_CHECK_EQUAL(hears.done, 1);
  CAF_CHECK_EQUAL(two.take(), 3);
}

CAF_TEST(exceptions_come_to_whoever_waits) {
  auto told = tells_failure();
  told.start(hears);
  CAF_CHECK_EQUAL(told.take(), "planned");
  auto failed = fails();
  failed.start(hears);
  CAF_CHECK(failed.done());
  try {
    failed.take();
    CAF_ERROR("what the task threw was lost");
  } catch (const std::runtime_error& error) {
    CAF_CHECK_EQUAL(std::string{error.what()}, "planned");
  }
}

CAF_TEST(a_task_goes_on_on_its_loop_whoever_resumes_it) {
  std::thread::id went_on;
  loop.post([] {});
  loop.turn(); // makes this thread the loop's
  auto waiting = waits_for_a_thread(went_on);
  waiting.start(hears);
  CAF_CHECK(!waiting.done());
  turn_until(1);
  CAF_CHECK(went_on == std::this_thread::get_id());
  CAF_CHECK_EQUAL(waiting.take(), 1);
}

CAF_TEST(pauses_end_in_the_order_of_their_times) {
  loop.post([] {});
  loop.turn();
  std::vector<int> order;
  auto longer = rests(100ms, order, 2);
  auto shorter = rests(20ms, order, 1);
  auto next = lets_others_go_first(order, 0);
  longer.start(hears);
  shorter.start(hears);
  next.start(hears);
  CAF_CHECK(order.empty());
  turn_until(3);
  CAF_CHECK(order == (std::vector<int>{0, 1, 2}));
}

CAF_TEST(a_task_that_is_destroyed_gives_back_what_it_holds) {
  loop.post([] {});
  loop.turn();
  const auto held = std::make_shared<int>(1);
  {
    auto waiting = holds(held);
    waiting.start(hears);
    CAF_CHECK_EQUAL(held.use_count(), 2);
  }
  CAF_CHECK_EQUAL(held.use_count(), 1);
  CAF_CHECK_EQUAL(hears.done, 0);
}

CAF_TEST(what_is_posted_runs_in_order_on_the_loop) {
  std::vector<int> order;
  std::thread other{[this, &order] {
    for (int i = 0; i < 3; ++i)
      loop.post([this, &order, i] {
        order.push_back(i);
        ++hears.done;
      });
  }};
  turn_until(3);
  other.join();
  CAF_CHECK(order == (std::vector<int>{0, 1, 2}));
}

CAF_TEST_FIXTURE_SCOPE_END()
