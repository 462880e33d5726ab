#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace carillon::net {

/// Hears when a task that it started has come to its end.
class task_observer {
public:
  /// Called from within the task's last step: the task may not be destroyed before this returns.
  virtual void on_task_done() noexcept = 0;

protected:
  ~task_observer() = default;
};

namespace task_detail {

struct promise_base {
  std::coroutine_handle<> awaiting;  ///< the task that waits for this one
  task_observer* observer = nullptr; ///< who started it, when that is no task

  struct at_end {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const promise_base& promise = ended.promise();
      if (promise.awaiting)
        return promise.awaiting;
      if (promise.observer != nullptr)
        promise.observer->on_task_done();
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  at_end final_suspend() const noexcept { return {}; }
};

} // namespace task_detail

/// A coroutine that yields one value to one who waits: an answer in the making. It knows no loop and no
/// thread; it goes on wherever what it waits for resumes it (`task_loop.hpp`).
///
/// Nothing of it runs before somebody waits (`co_await`) or starts it. Destroying it ends it where it is
/// suspended; whatever would resume it must be gone by then.
template <class T>
class [[nodiscard]] task {
public:
  struct promise_type : task_detail::promise_base {
    std::variant<std::monostate, T, std::exception_ptr> outcome;

    task get_return_object() noexcept {
      return task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    template <class U>
    void return_value(U&& value) {
      outcome.template emplace<1>(std::forward<U>(value));
    }
    void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
  };

  task() = default;
  task(task&& other) noexcept : running_{std::exchange(other.running_, nullptr)} {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      reset();
      running_ = std::exchange(other.running_, nullptr);
    }
    return *this;
  }
  ~task() { reset(); }

  /// For who is no task: runs it until it waits for the first time or is done. `observer` is told when it is
  /// done, also when that is at once.
  void start(task_observer& observer) {
    running_.promise().observer = &observer;
    running_.resume();
  }
  bool done() const noexcept { return running_ && running_.done(); }
  /// What it yielded, once it is done; throws what it threw.
  T take() {
    auto& outcome = running_.promise().outcome;
    if (auto* thrown = std::get_if<std::exception_ptr>(&outcome))
      std::rethrow_exception(std::move(*thrown));
    return std::move(std::get<T>(outcome));
  }
  void reset() noexcept {
    if (auto ended = std::exchange(running_, nullptr))
      ended.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> who) noexcept {
    running_.promise().awaiting = who;
    return running_;
  }
  T await_resume() { return take(); }

private:
  explicit task(std::coroutine_handle<promise_type> made) noexcept : running_{made} {}

  std::coroutine_handle<promise_type> running_;
};

} // namespace carillon::net
