#pragma once

#include "net/event_loop.hpp"
#include "net/timer_wheel.hpp"

#include <chrono>
#include <coroutine>
#include <functional>
#include <mutex>
#include <vector>

namespace carillon::net {

/// One thread's event loop as tasks see it: what they wait for beside each other. Their thread is the
/// loop's, whoever resumes them.
class task_loop {
public:
  task_loop() = default;
  task_loop(const task_loop&) = delete;
  task_loop& operator=(const task_loop&) = delete;

  /// The loop that runs on this thread. To be called by its tasks and its owner only.
  static task_loop& here() noexcept;

  event_loop& events() noexcept { return events_; }

  /// Goes on with this task in a later turn. Thread-safe; the loop must outlive the call.
  void resume(std::coroutine_handle<> who);
  /// Runs `what` on the loop's thread in a later turn. Thread-safe; the loop must outlive the call.
  void post(std::function<void()> what);

  /// Waits for one turn, for what came from other threads meanwhile, and resumes whom it was for. Makes the
  /// thread the loop's.
  void turn();

private:
  event_loop events_;
  std::mutex guard_;
  std::vector<std::coroutine_handle<>> arrived_; ///< under the guard, as what follows
  std::vector<std::function<void()>> posted_;
  std::vector<std::coroutine_handle<>> resuming_; ///< of this turn; keeps its memory
};

/// `co_await pause_for{time}`: goes on when the time is over.
class pause_for final : public timer_entry {
public:
  explicit pause_for(std::chrono::nanoseconds time) : time_{time} {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    who_ = who;
    task_loop::here().events().timers().arm(*this, domain::boot_clock::now() + time_);
  }
  void await_resume() const noexcept {}

private:
  void on_due() override { who_.resume(); }

  std::chrono::nanoseconds time_;
  std::coroutine_handle<> who_;
};

/// `co_await next_turn{}`: lets the loop's others go first.
struct next_turn {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const { task_loop::here().resume(who); }
  void await_resume() const noexcept {}
};

} // namespace carillon::net
