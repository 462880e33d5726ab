#include "net/task_loop.hpp"

#include <utility>

namespace carillon::net {

namespace {
thread_local task_loop* loop_of_this_thread = nullptr;
} // namespace

task_loop& task_loop::here() noexcept {
  return *loop_of_this_thread;
}

void task_loop::resume(std::coroutine_handle<> who) {
  std::unique_lock lock{guard_};
  arrived_.push_back(who);
  const bool first = arrived_.size() + posted_.size() == 1;
  lock.unlock();
  if (first)
    events_.wake();
}

void task_loop::post(std::function<void()> what) {
  std::unique_lock lock{guard_};
  posted_.push_back(std::move(what));
  lock.unlock();
  events_.wake();
}

void task_loop::turn() {
  loop_of_this_thread = this;
  events_.turn(true);
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock{guard_};
    std::swap(resuming_, arrived_);
    std::swap(posted, posted_);
  }
  for (const auto who : resuming_)
    who.resume();
  resuming_.clear();
  for (const auto& what : posted)
    what();
}

} // namespace carillon::net
