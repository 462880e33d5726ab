#pragma once

#include "domain/time.hpp"
#include "net/timer_wheel.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>
#include <vector>

namespace carillon::net {

/// Somebody who waits for a socket.
class socket_watcher {
public:
  /// `events` as epoll reports them (EPOLLIN, EPOLLOUT, …). May forget or destroy any watcher, itself
  /// included.
  virtual void on_ready(std::uint32_t events) = 0;

protected:
  ~socket_watcher() = default;
};

/// What one thread waits for: sockets, deadlines, and other threads that have work for it. It is epoll and
/// nothing between: a kept-alive POST costs its write(), its read() and a share of one epoll_wait(), and no
/// epoll_ctl().
///
/// All calls but `wake` on one thread.
class event_loop {
public:
  /// Throws std::system_error when the kernel gives no descriptors.
  event_loop();
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Calls `who` for `events` (EPOLLIN, …) of the socket from now on. With EPOLLET only when they come up:
  /// then whoever doesn't read to the end hears only of what comes later. An error means that nothing is
  /// watched.
  std::error_code watch(int socket, std::uint32_t events, socket_watcher& who);
  /// Other events of a watched socket.
  void change(int socket, std::uint32_t events, socket_watcher& who);
  /// `who` is not called any more, not even for what this turn has found. To be called before the socket is
  /// closed.
  void forget(int socket, const socket_watcher& who);

  timer_wheel& timers() { return timers_; }

  /// Runs `what` at this turn's end, or if that is past, at the end of the next one, which then doesn't wait.
  void later(std::function<void()> what) { later_.push_back(std::move(what)); }

  /// Calls those whose sockets are ready, whose deadlines have come, and what was put off. Waits for that if
  /// `wait`, at most so long, unless `wake` was called since the last turn. Returns how many sockets were ready.
  std::size_t turn(bool wait, std::chrono::milliseconds at_most = any_time);
  static constexpr std::chrono::milliseconds any_time = std::chrono::milliseconds::max();

  /// Lets the turn that waits now, or else the next one, return at once. Thread-safe. Whoever calls it has
  /// put down before what is to be done; the loop's owner looks for that behind every turn. Costs a system
  /// call only when the loop is asleep.
  void wake() noexcept;

private:
  enum class rest : std::uint8_t { awake, asleep, called };

  int until_next_tick(std::chrono::milliseconds at_most) const;

  int epoll_ = -1;
  int bell_ = -1; ///< an eventfd that is never read: each write is an edge
  std::atomic<rest> state_{rest::awake};
  timer_wheel timers_;
  std::vector<std::function<void()>> later_;
  std::vector<socket_watcher*> ready_;      ///< of this turn; null where somebody was forgotten
  std::vector<std::uint32_t> ready_events_; ///< beside `ready_`
};

} // namespace carillon::net
