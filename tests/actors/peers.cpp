#define CAF_SUITE peers
#define CAF_TEST_NO_MAIN
#include "tests/actors/peer_fixture.hpp"

using namespace peer_tests;

namespace {

/// Two nodes with a link: "a" dials, and each has the other's entry actor.
struct pair {
  pair() {
    a.dial("b", b.links->address());
    const auto up = a.says.next(), also_up = b.says.next();
    CAF_REQUIRE_EQUAL(up.what, "up b");
    CAF_REQUIRE_EQUAL(also_up.what, "up a");
    to_b = caf::actor_cast<echo_actor>(up.entry);
    to_a = caf::actor_cast<echo_actor>(also_up.entry);
  }

  live_node b{"b"}, a{"a"};
  echo_actor to_b, to_a;
};

/// Sends so many texts at once and counts those that come back as they were, in order.
int echoes(live_node& from, const echo_actor& to, int count) {
  caf::scoped_actor self{from.system};
  for (int i = 0; i < count; ++i)
    self->send(to, "message " + std::to_string(i));
  int in_order = 0;
  for (int i = 0; i < count; ++i) {
    bool came = true;
    self->receive([&](const std::string& text) { in_order += text == "message " + std::to_string(i) ? 1 : 0; },
                  caf::after(link_tests::patience) >> [&] { came = false; });
    if (!came)
      break;
  }
  return in_order;
}

} // namespace

CAF_TEST(both nodes of a link can talk to the other) {
  pair nodes;
  CAF_CHECK_EQUAL(echoes(nodes.a, nodes.to_b, 10'000), 10'000);
  CAF_CHECK_EQUAL(echoes(nodes.b, nodes.to_a, 10'000), 10'000);
}

CAF_TEST(a node listens nowhere but for links) {
  pair nodes;
  // Whoever finds a port that this process listens on finds no actor behind it.
  std::size_t listening = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    const int fd = std::stoi(entry.path().filename().string());
    int accepts = 0;
    socklen_t size = sizeof accepts;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts != 0)
      ++listening;
  }
  CAF_CHECK_EQUAL(listening, 2u);
}

CAF_TEST(large messages cross) {
  pair nodes;
  caf::scoped_actor self{nodes.a.system};
  std::string large(8 << 20, 'x');
  self->request(nodes.to_b, link_tests::patience, large)
      .receive([&](const std::string& back) { CAF_CHECK(back == large); },
               [](const caf::error& error) { CAF_ERROR(caf::to_string(error)); });
}

CAF_TEST(a link that is hung up is down at both nodes and can be dialed again) {
  pair nodes;
  caf::anon_send(nodes.a.peers, hang_up_atom_v, std::string{"b"});
  const auto down = nodes.a.says.next();
  CAF_CHECK_EQUAL(down.what, "down b");
  CAF_CHECK_EQUAL(nodes.b.says.next().what, "down a");
  nodes.a.dial("b", nodes.b.links->address());
  const auto up = nodes.a.says.next();
  CAF_CHECK_EQUAL(up.what, "up b");
  CAF_CHECK_GREATER(up.link, down.link);
  CAF_CHECK_EQUAL(nodes.b.says.next().what, "up a");
  CAF_CHECK_EQUAL(echoes(nodes.a, caf::actor_cast<echo_actor>(up.entry), 100), 100);
}

CAF_TEST(the accepting node can hang up too) {
  pair nodes;
  caf::anon_send(nodes.b.peers, hang_up_atom_v, std::string{"a"});
  CAF_CHECK_EQUAL(nodes.b.says.next().what, "down a");
  CAF_CHECK_EQUAL(nodes.a.says.next().what, "down b");
}

CAF_TEST(a network that swallows is noticed by the heartbeat at both nodes) {
  live_node a{"a"}, b{"b"};
  swallowing_network between{b.links->address()};
  a.dial("b", between.address);
  const auto up = a.says.next();
  CAF_REQUIRE_EQUAL(up.what, "up b");
  CAF_REQUIRE_EQUAL(b.says.next().what, "up a");
  // It stands while nothing is said: heartbeats go both ways.
  CAF_CHECK_EQUAL(echoes(a, caf::actor_cast<echo_actor>(up.entry), 10), 10);
  between.swallows = true;
  CAF_CHECK_EQUAL(a.says.next().what, "down b");
  CAF_CHECK_EQUAL(b.says.next().what, "down a");
  // And the links themselves are closed, not only forgotten.
  for (const auto end = std::chrono::steady_clock::now() + link_tests::patience;
       a.links->open() + b.links->open() > 0 && std::chrono::steady_clock::now() < end;)
    std::this_thread::sleep_for(1ms);
  CAF_CHECK_EQUAL(a.links->open() + b.links->open(), 0u);
  between.swallows = false;
  a.dial("b", between.address);
  const auto again = a.says.next();
  CAF_CHECK_EQUAL(again.what, "up b");
  CAF_CHECK_EQUAL(b.says.next().what, "up a");
  CAF_CHECK_EQUAL(echoes(a, caf::actor_cast<echo_actor>(again.entry), 100), 100);
}

CAF_TEST(a node that ends is down and its successor comes up after it) {
  live_node b{"b"};
  auto a = std::make_unique<live_node>("a");
  a->dial("b", b.links->address());
  CAF_CHECK_EQUAL(b.says.next().what, "up a");
  a.reset();
  CAF_CHECK_EQUAL(b.says.next().what, "down a");
  live_node again{"a"};
  again.dial("b", b.links->address());
  const auto up = b.says.next();
  CAF_CHECK_EQUAL(up.what, "up a");
  CAF_CHECK_EQUAL(echoes(b, caf::actor_cast<echo_actor>(up.entry), 100), 100);
}

CAF_TEST(a newer link of a node takes over only when the older one is down) {
  live_node b{"b"}, before{"a"};
  before.dial("b", b.links->address());
  CAF_CHECK_EQUAL(b.says.next().what, "up a");
  CAF_CHECK_EQUAL(before.says.next().what, "up b");
  live_node after{"a"};
  after.dial("b", b.links->address());
  const auto down = b.says.next();
  CAF_CHECK_EQUAL(down.what, "down a");
  CAF_CHECK(!down.early);
  const auto up = b.says.next();
  CAF_CHECK_EQUAL(up.what, "up a");
  CAF_CHECK_EQUAL(before.says.next().what, "down b");
  CAF_CHECK_EQUAL(after.says.next().what, "up b");
  CAF_CHECK_EQUAL(echoes(b, caf::actor_cast<echo_actor>(up.entry), 100), 100);
}

CAF_TEST(a node that is not there fails the attempt and can be dialed again) {
  live_node a{"a"};
  std::string address;
  {
    live_node b{"b"};
    address = b.links->address();
  }
  a.dial("b", address);
  CAF_CHECK_EQUAL(a.says.next().what, "failed b");
  live_node b{"b", address};
  a.dial("b", address);
  CAF_CHECK_EQUAL(a.says.next().what, "up b");
}

CAF_TEST(only the node with the smaller id may dial) {
  live_node a{"a"}, b{"b"};
  b.dial("a", a.links->address());
  const auto failed = b.says.next();
  CAF_CHECK_EQUAL(failed.what, "failed a");
  CAF_CHECK_EQUAL(failed.reason, "the peer refused: node b at 127.0.0.1 is not expected here");
}
