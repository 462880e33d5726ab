#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace carillon::actors {

/// Runs what it is given one at a time, in its order, on the thread of who gives it: what comes while another runs is left
/// to that one's thread. Like an actor, but nobody has to be woken. Thread-safe.
class serial {
public:
  /// Neither may throw, nor block for long: others' threads come by here.
  void run(std::function<void()> what) {
    {
      const std::lock_guard lock{guard_};
      waiting_.push_back(std::move(what));
      if (std::exchange(running_, true))
        return;
    }
    while (auto next = take())
      next();
  }

private:
  std::function<void()> take() {
    const std::lock_guard lock{guard_};
    if (waiting_.empty()) {
      running_ = false;
      return nullptr;
    }
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    return next;
  }

  std::mutex guard_;
  std::deque<std::function<void()>> waiting_;
  bool running_ = false;
};

} // namespace carillon::actors
