#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

namespace carillon::actors {

/// Jobs that any of several workers may take, first come, first served. Thread-safe.
///
/// Waking a thread costs more than most jobs do. So one sleeper is woken at a time, and only when it is here and sees
/// more than the job it takes, the next one is: a burst of small jobs is done by who is awake, and wakes everybody only
/// if it lasts.
template <class Job>
class job_queue {
public:
  void put(Job job) {
    bool wake = false;
    {
      const std::lock_guard lock{guard_};
      jobs_.push_back(std::move(job));
      wake = wakes_another();
    }
    // Not under the lock, which is the first thing that who wakes up wants.
    if (wake)
      come_.notify_one();
  }

  /// Waits for one.
  Job take() {
    std::unique_lock lock{guard_};
    while (jobs_.empty()) {
      ++asleep_;
      come_.wait(lock, [this] { return coming_; });
      --asleep_;
      coming_ = false;
    }
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool wake = !jobs_.empty() && wakes_another();
    lock.unlock();
    if (wake)
      come_.notify_one();
    return job;
  }

  /// What is left, when nobody takes anything any more.
  std::deque<Job> rest() {
    const std::lock_guard lock{guard_};
    return std::exchange(jobs_, {});
  }

private:
  /// Under the lock; true: one is to be woken.
  bool wakes_another() { return asleep_ > 0 && !std::exchange(coming_, true); }

  std::mutex guard_;
  std::condition_variable come_;
  std::deque<Job> jobs_;
  std::size_t asleep_ = 0;
  bool coming_ = false; ///< a sleeper has been woken and isn't here yet
};

} // namespace carillon::actors
