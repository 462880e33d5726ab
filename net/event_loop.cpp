#include "net/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace carillon::net {

namespace {

constexpr std::size_t events_per_turn = 256;

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

} // namespace

event_loop::event_loop() : timers_{domain::boot_clock::now()} {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0)
    fail("epoll_create1");
  bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (bell_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_, &event) != 0) {
    const int error = errno;
    if (bell_ >= 0)
      ::close(bell_);
    ::close(epoll_);
    errno = error;
    fail("eventfd");
  }
}

event_loop::~event_loop() {
  ::close(bell_);
  ::close(epoll_);
}

std::error_code event_loop::watch(int socket, std::uint32_t events, socket_watcher& who) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &who;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0)
    return {errno, std::generic_category()};
  return {};
}

void event_loop::change(int socket, std::uint32_t events, socket_watcher& who) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &who;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void event_loop::forget(int socket, const socket_watcher& who) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
  std::replace(ready_.begin(), ready_.end(), const_cast<socket_watcher*>(&who),
               static_cast<socket_watcher*>(nullptr));
}

// In milliseconds, rounded up; -1 when no deadline is near or far.
int event_loop::until_next_tick(std::chrono::milliseconds at_most) const {
  auto wait = at_most;
  if (!timers_.empty())
    wait = std::clamp(
        std::chrono::ceil<std::chrono::milliseconds>(timers_.next_tick() - domain::boot_clock::now()),
        std::chrono::milliseconds{0}, std::min(at_most, timer_wheel::tick));
  return wait == any_time ? -1 : static_cast<int>(wait.count());
}

std::size_t event_loop::turn(bool wait, std::chrono::milliseconds at_most) {
  int timeout = 0;
  if (wait && later_.empty()) {
    auto awake = rest::awake;
    if (state_.compare_exchange_strong(awake, rest::asleep))
      timeout = until_next_tick(at_most);
  }
  std::array<epoll_event, events_per_turn> found;
  const int count = epoll_wait(epoll_, found.data(), static_cast<int>(found.size()), timeout);
  state_.store(rest::awake);

  ready_.clear();
  ready_events_.clear();
  for (int i = 0; i < count; ++i) {
    const auto& event = found[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr)
      continue; // the bell
    ready_.push_back(static_cast<socket_watcher*>(event.data.ptr));
    ready_events_.push_back(event.events);
  }
  const auto sockets = ready_.size();
  for (std::size_t i = 0; i < sockets; ++i)
    if (auto* who = std::exchange(ready_[i], nullptr))
      who->on_ready(ready_events_[i]);
  ready_.clear();
  // Behind the sockets: after a pause, an answer that has come counts, though its deadline has passed, too.
  timers_.advance(domain::boot_clock::now());
  for (auto& what : std::exchange(later_, {}))
    what();
  return sockets;
}

void event_loop::wake() noexcept {
  if (state_.exchange(rest::called) != rest::asleep)
    return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(bell_, &one, sizeof one);
}

} // namespace carillon::net
