#define CAF_SUITE event_loop
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

using namespace carillon::net;
using carillon::domain::boot_clock;

namespace {

/// Two connected sockets; the near one is watched.
struct line final : socket_watcher {
  explicit line(event_loop& on, std::uint32_t events) : loop{on} {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0 ||
        loop.watch(ends[0], events, *this))
      throw std::runtime_error("no sockets");
    near = ends[0];
    far = ends[1];
  }
  ~line() {
    loop.forget(near, *this);
    ::close(near);
    ::close(far);
  }
  void on_ready(std::uint32_t events) override {
    ++calls;
    seen = events;
    action();
  }
  void ring() const {
    if (::write(far, "x", 1) != 1)
      throw std::runtime_error("not written");
  }

  event_loop& loop;
  int near = -1, far = -1, calls = 0;
  std::uint32_t seen = 0;
  std::function<void()> action = [] {};
};

struct alarm final : timer_entry {
  int calls = 0;
  void on_due() override { ++calls; }
};

} // namespace

CAF_TEST(an edge is told once and a level until it is gone) {
  event_loop loop;
  line edge{loop, EPOLLIN | EPOLLET}, level{loop, EPOLLIN};
  CAF_CHECK_EQUAL(loop.turn(false), 0u);
  edge.ring();
  level.ring();
  CAF_CHECK_EQUAL(loop.turn(true), 2u);
  CAF_CHECK_EQUAL(loop.turn(true), 1u);
  CAF_CHECK_EQUAL(edge.calls, 1);
  CAF_CHECK_EQUAL(level.calls, 2);
  edge.ring(); // unread bytes before it don't hide the next one
  loop.turn(true);
  CAF_CHECK_EQUAL(edge.calls, 2);
}

CAF_TEST(the end of the other side is told) {
  event_loop loop;
  line edge{loop, EPOLLIN | EPOLLRDHUP | EPOLLET};
  edge.ring();
  loop.turn(true);
  CAF_CHECK_EQUAL(edge.seen & EPOLLRDHUP, 0u);
  ::shutdown(edge.far, SHUT_WR);
  loop.turn(true);
  CAF_CHECK(edge.seen & EPOLLRDHUP);
}

CAF_TEST(who is forgotten in a turn hears nothing more in it) {
  event_loop loop;
  line first{loop, EPOLLIN | EPOLLET};
  auto second = std::make_unique<line>(loop, EPOLLIN | EPOLLET);
  int calls = 0;
  // Whichever comes first takes the other one away.
  first.action = [&] {
    if (second) {
      calls += second->calls;
      second.reset();
    }
  };
  second->action = [&] { loop.forget(first.near, first); };
  first.ring();
  second->ring();
  loop.turn(true);
  loop.turn(false);
  CAF_CHECK_EQUAL(first.calls + calls + (second ? second->calls : 0), 1);
}

CAF_TEST(a call from elsewhere ends a wait and none is lost) {
  event_loop loop;
  constexpr int calls = 20'000;
  std::atomic<int> given{0};
  std::thread caller{[&] {
    for (int i = 0; i < calls; ++i) {
      given.fetch_add(1);
      loop.wake();
      if (i % 64 == 0)
        std::this_thread::yield();
    }
  }};
  // Would hang if a call that comes just before the wait were lost.
  while (given.load() < calls)
    loop.turn(true);
  caller.join();
  loop.wake();
  loop.turn(true);
}

CAF_TEST(what is put off runs in the next turn without a wait) {
  event_loop loop;
  int runs = 0;
  loop.later([&] {
    ++runs;
    loop.later([&] { ++runs; });
  });
  loop.turn(true);
  CAF_CHECK_EQUAL(runs, 1);
  loop.turn(true);
  CAF_CHECK_EQUAL(runs, 2);
}

CAF_TEST(deadlines end waits) {
  event_loop loop;
  alarm near, far;
  loop.timers().arm(near, boot_clock::now() + std::chrono::milliseconds{30});
  loop.timers().arm(far, boot_clock::now() + std::chrono::hours{1});
  while (near.calls == 0)
    loop.turn(true);
  CAF_CHECK_EQUAL(far.calls, 0);
  CAF_CHECK(!loop.timers().empty());
  loop.timers().disarm(far);
  // The wheel finds out by itself that it is empty; then nothing wakes the loop any more.
  while (!loop.timers().empty())
    loop.turn(true);
}
