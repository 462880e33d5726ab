#define CAF_SUITE node_link
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/link_fixture.hpp"

#include "net/link_records.hpp"

#include <atomic>
#include <thread>

using namespace link_tests;

namespace {

/// A link that stands, seen from both nodes.
struct linked {
  explicit linked(adjust with_b = {}) : b{"b", std::move(with_b)} {
    auto result = a.connect(b, "b");
    if (auto* failed = std::get_if<link_failure>(&result))
      throw std::runtime_error(failed->detail);
    from = std::get<node_link>(std::move(result));
    auto accepted = b.accepted();
    if (!accepted)
      throw std::runtime_error("no link was accepted");
    to = std::move(*accepted);
  }

  test_node a{"a"}, b;
  node_link from, to;
};

std::string pattern(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  std::uint64_t x = seed;
  for (auto& c : out)
    c = static_cast<char>((x = x * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
  return out;
}

/// How many descriptors this process holds.
std::size_t descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

} // namespace

CAF_TEST(two nodes link and each knows the other) {
  linked l;
  CAF_CHECK_EQUAL(l.from.peer.node, "b");
  CAF_CHECK_EQUAL(l.to.peer.node, "a");
  CAF_CHECK_EQUAL(l.to.peer.host, "127.0.0.1");
  CAF_CHECK_EQUAL(l.from.version, 1u);
  CAF_CHECK_EQUAL(l.a.links.open(), 1u);
  CAF_CHECK_EQUAL(l.b.links.open(), 1u);
  CAF_CHECK(blocking{l.from.tunnel.get()}.write("ping"));
  CAF_CHECK_EQUAL(blocking{l.to.tunnel.get()}.read(4), "ping");
  CAF_CHECK(blocking{l.to.tunnel.get()}.write("pong"));
  CAF_CHECK_EQUAL(blocking{l.from.tunnel.get()}.read(4), "pong");
}

CAF_TEST(a node is known by name as well as by address) {
  test_node a{"a"};
  test_node b{"b", {[](auto& s) { s.self.host = "localhost"; }, node_identity("DNS:localhost"), {}}};
  const auto port = b.links.address().substr(b.links.address().rfind(':'));
  auto result = a.connect("localhost" + port, "b");
  CAF_REQUIRE(std::holds_alternative<node_link>(result));
  CAF_CHECK_EQUAL(std::get<node_link>(result).peer.host, "localhost");
}

CAF_TEST(megabytes cross both ways at once and arrive whole) {
  linked l;
  const auto there = pattern(24 << 20, 1), back = pattern(24 << 20, 2);
  std::string got_there, got_back;
  std::thread a_writes{[&] { blocking{l.from.tunnel.get()}.write(there); }};
  std::thread b_writes{[&] { blocking{l.to.tunnel.get()}.write(back); }};
  std::thread b_reads{[&] { got_there = blocking{l.to.tunnel.get()}.read(there.size()); }};
  got_back = blocking{l.from.tunnel.get()}.read(back.size());
  for (auto* one : {&a_writes, &b_writes, &b_reads})
    one->join();
  CAF_CHECK(got_there == there);
  CAF_CHECK(got_back == back);
}

CAF_TEST(a reader that does not read stops the writer and costs no memory) {
  linked l;
  const auto held = blocking{l.from.tunnel.get()}.fill();
  CAF_MESSAGE("held " << held << " bytes");
  // Two buffers of ours and what the kernel's sockets take: two pairs and one TCP connection.
  CAF_CHECK_GREATER(held, 2 * node_links::link_buffer);
  CAF_CHECK_LESS(held, std::size_t{16} << 20);
  // The other direction is free meanwhile, and all of it arrives in the end.
  CAF_CHECK(blocking{l.to.tunnel.get()}.write("free"));
  CAF_CHECK_EQUAL(blocking{l.from.tunnel.get()}.read(4), "free");
  CAF_CHECK_EQUAL(blocking{l.to.tunnel.get()}.read(held).size(), held);
}

CAF_TEST(messages go beside the tunnel and arrive whole and in order) {
  linked l;
  const auto longest = pattern(3 << 20, 4);
  CAF_CHECK(l.a.links.post(l.from.id, "one"));
  CAF_CHECK(l.a.links.post(l.from.id, longest));
  CAF_CHECK(blocking{l.from.tunnel.get()}.write("bytes"));
  CAF_CHECK(l.a.links.post(l.from.id, ""));
  CAF_CHECK(l.b.links.post(l.to.id, "back"));
  const auto there = l.b.messages(3);
  CAF_REQUIRE_EQUAL(there.size(), 3u);
  CAF_CHECK(there[0] == std::pair(std::string{"a"}, std::string{"one"}));
  CAF_CHECK(there[1].second == longest);
  CAF_CHECK(there[2].second.empty());
  CAF_CHECK_EQUAL(blocking{l.to.tunnel.get()}.read(5), "bytes");
  const auto back = l.a.messages(1);
  CAF_REQUIRE_EQUAL(back.size(), 1u);
  CAF_CHECK(back[0] == std::pair(std::string{"b"}, std::string{"back"}));
}

CAF_TEST(many threads send at once while megabytes cross) {
  linked l;
  constexpr int threads = 4, each = 2'000;
  const auto bytes = pattern(16 << 20, 5);
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t)
    senders.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        while (!l.a.links.post(l.from.id, std::to_string(t) + " " + std::to_string(i) + std::string(1'000, ' ')))
          std::this_thread::yield();
    });
  std::thread writer{[&] { blocking{l.from.tunnel.get()}.write(bytes); }};
  CAF_CHECK(blocking{l.to.tunnel.get()}.read(bytes.size()) == bytes);
  for (auto& s : senders)
    s.join();
  writer.join();
  const auto came = l.b.messages(threads * each);
  CAF_REQUIRE_EQUAL(came.size(), static_cast<std::size_t>(threads * each));
  std::map<int, int> next;
  for (const auto& [who, text] : came) {
    const auto thread = std::stoi(text);
    CAF_REQUIRE_EQUAL(std::stoi(text.substr(text.find(' '))), next[thread]);
    ++next[thread];
  }
}

CAF_TEST(messages that a peer does not take are bounded) {
  linked l;
  // Nobody reads the tunnel at b, so that b reads nothing more from the link.
  blocking{l.from.tunnel.get()}.fill();
  const std::string message(1 << 20, 'x');
  std::size_t taken = 0;
  while (taken < 1'000 && l.a.links.post(l.from.id, message))
    ++taken;
  CAF_MESSAGE("took " << taken << " MiB");
  CAF_CHECK_LESS(taken * message.size(), link_outbox::limit + (std::size_t{16} << 20));
  // All of them arrive once it does.
  std::thread reader{[&] {
    while (!blocking{l.to.tunnel.get()}.read(1 << 16).empty()) {
    }
  }};
  CAF_CHECK_EQUAL(l.b.messages(taken).size(), taken);
  l.a.links.close(l.from.id);
  reader.join();
}

CAF_TEST(no message goes over a link that is not there) {
  linked l;
  CAF_CHECK(!l.a.links.post(l.from.id + 100, "x"));
  l.b.links.close(l.to.id);
  l.a.closed(l.from.id);
  CAF_CHECK(!l.a.links.post(l.from.id, "x"));
  CAF_CHECK(l.b.messages(0).empty());
}

CAF_TEST(a link goes both ways while its peer was heard and it stands) {
  using namespace std::chrono_literals;
  linked l;
  CAF_CHECK(blocking{l.from.tunnel.get()}.write("ping"));
  CAF_CHECK_EQUAL(blocking{l.to.tunnel.get()}.read(4), "ping");
  CAF_CHECK(l.b.links.goes_both_ways(l.to.id, 1h));
  CAF_CHECK(!l.b.links.goes_both_ways(l.to.id, 0ms)); // nothing came since now
  CAF_CHECK(!l.b.links.goes_both_ways(l.to.id + 100, 1h));
  l.a.links.close(l.from.id);
  l.b.closed(l.to.id);
  CAF_CHECK(!l.b.links.goes_both_ways(l.to.id, 1h));
}

CAF_TEST(what was written before an end arrives before it) {
  linked l;
  const auto last = pattern(100'000, 3);
  CAF_CHECK(blocking{l.from.tunnel.get()}.write(last));
  ::shutdown(l.from.tunnel.get(), SHUT_WR);
  CAF_CHECK(blocking{l.to.tunnel.get()}.read(last.size()) == last);
  CAF_CHECK(blocking{l.to.tunnel.get()}.ended());
  CAF_CHECK_EQUAL(l.a.closed(l.from.id), "this node's end was closed");
  CAF_CHECK_EQUAL(l.b.closed(l.to.id), "the connection ended");
  CAF_CHECK(blocking{l.from.tunnel.get()}.ended());
}

CAF_TEST(closing a link ends its tunnels at both nodes at once) {
  linked l;
  l.b.links.close(l.to.id);
  CAF_CHECK(blocking{l.to.tunnel.get()}.ended());
  CAF_CHECK(blocking{l.from.tunnel.get()}.ended());
  CAF_CHECK_EQUAL(l.b.closed(l.to.id), "closed by this node");
  CAF_CHECK_NOT_EQUAL(l.a.closed(l.from.id), "still open");
  CAF_CHECK_EQUAL(l.a.links.open(), 0u);
  CAF_CHECK_EQUAL(l.b.links.open(), 0u);
}

CAF_TEST(a link that is full is closed at once all the same) {
  linked l;
  blocking{l.from.tunnel.get()}.fill();
  l.a.links.close(l.from.id);
  CAF_CHECK_EQUAL(l.a.closed(l.from.id), "closed by this node");
}

CAF_TEST(a node that ends takes its links with it and another takes its place) {
  auto b = std::make_unique<test_node>("b");
  test_node a{"a"};
  const auto address = b->links.address();
  auto first = a.connect(address, "b");
  CAF_REQUIRE(std::holds_alternative<node_link>(first));
  b.reset();
  CAF_CHECK(blocking{std::get<node_link>(first).tunnel.get()}.ended());
  auto none = a.connect(address, "b");
  CAF_REQUIRE(std::holds_alternative<link_failure>(none));
  CAF_CHECK(std::get<link_failure>(none).error == link_error::unreachable);
  CAF_CHECK(std::get<link_failure>(none).retryable());
  test_node again{"b", {[&](auto& s) { s.listen = address; }, {}, {}}};
  auto second = a.connect(address, "b");
  CAF_REQUIRE(std::holds_alternative<node_link>(second));
  CAF_CHECK_GREATER(std::get<node_link>(second).id, std::get<node_link>(first).id);
}

CAF_TEST(a silent peer is given up) {
  linked l{{[](auto& s) { s.silence = 200ms; }, {}, {}}};
  CAF_CHECK_EQUAL(l.b.closed(l.to.id), "nothing came from the peer for 200 ms");
  CAF_CHECK(blocking{l.to.tunnel.get()}.ended());
}

CAF_TEST(an attempt can be called off) {
  // Somebody who accepts and says nothing.
  descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  CAF_REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
  CAF_REQUIRE(::listen(listener.get(), 8) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size);
  const auto address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));

  test_node a{"a"};
  std::promise<link_error> called_off;
  const auto id = a.links.connect(
      address, "b", [&](auto result) { called_off.set_value(std::get<link_failure>(result).error); });
  descriptor silent{::accept(listener.get(), nullptr, nullptr)};
  a.links.close(id);
  CAF_CHECK(called_off.get_future().get() == link_error::stopped);

  // And without being called off, the deadline ends it.
  test_node hasty{"hasty", {[](auto& s) { s.handshake_timeout = 100ms; }, {}, {}}};
  auto result = hasty.connect(address, "b");
  CAF_REQUIRE(std::holds_alternative<link_failure>(result));
  CAF_CHECK(std::get<link_failure>(result).error == link_error::broken);
  CAF_CHECK_EQUAL(std::get<link_failure>(result).detail, "the peer didn't answer in time");
}

CAF_TEST(addresses that are none are said to be none) {
  test_node a{"a"};
  for (const auto* address : {"", "b", "b:", "b:99999", "::1:5", "[::1]"}) {
    auto result = a.connect(address, "b");
    CAF_REQUIRE(std::holds_alternative<link_failure>(result));
    CAF_CHECK(std::get<link_failure>(result).error == link_error::unreachable);
  }
}

CAF_TEST(files that cannot be used are named by their key) {
  const auto failing = [](auto change) {
    try {
      test_node a{"a", {change, {}, {}}};
      return std::string{"fine"};
    } catch (const std::runtime_error& error) {
      return std::string{error.what()};
    }
  };
  CAF_CHECK(failing([](auto& s) { s.ca = "/nowhere"; }).starts_with("cluster.ca: can't use \"/nowhere\""));
  CAF_CHECK(failing([](auto& s) { s.certificate = s.key; }).starts_with("cluster.certificate: "));
  CAF_CHECK(failing([](auto& s) { s.key = s.certificate; }).starts_with("cluster.key: "));
  CAF_CHECK(failing([](auto& s) { s.listen = "nowhere"; }).starts_with("can't listen on \"nowhere\""));
}

CAF_TEST(links leave no descriptor behind) {
  const auto before = descriptors();
  {
    test_node a{"a"}, b{"b"};
    for (int i = 0; i < 50; ++i) {
      auto result = a.connect(b, "b");
      CAF_REQUIRE(std::holds_alternative<node_link>(result));
      auto other = b.accepted();
      CAF_REQUIRE(other);
      if (i % 2 == 0)
        a.links.close(std::get<node_link>(result).id);
      else
        other->tunnel.reset();
      CAF_CHECK_NOT_EQUAL(b.closed(other->id), "still open");
      CAF_CHECK_NOT_EQUAL(a.closed(std::get<node_link>(result).id), "still open");
    }
  }
  CAF_CHECK_EQUAL(descriptors(), before);
}
