#define CAF_SUITE node_link_hostile
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/link_fixture.hpp"

#include <dlfcn.h>
#include <sys/epoll.h>

#include <atomic>
#include <fstream>

using namespace link_tests;

namespace {

/// How often any thread has looked for something to do.
std::atomic<std::uint64_t> epoll_waits{0};

} // namespace

/// The system's own, counted.
extern "C" int epoll_wait(int set, epoll_event* events, int most, int timeout) {
  static const auto system = reinterpret_cast<int (*)(int, epoll_event*, int, int)>(::dlsym(RTLD_NEXT, "epoll_wait"));
  ++epoll_waits;
  return system(set, events, most, timeout);
}

namespace {

const tls_fixture::identity& stranger() {
  static const auto one = node_identity();
  return one;
}

/// The node still links with who is in order.
bool in_order(test_node& b) {
  test_node a{"a"};
  auto result = a.connect(b, "b");
  return std::holds_alternative<node_link>(result) && b.accepted().has_value();
}

/// Bytes of memory in use.
std::size_t resident() {
  std::size_t total = 0, in_use = 0;
  std::ifstream{"/proc/self/statm"} >> total >> in_use;
  return in_use * 4096;
}

} // namespace

CAF_TEST(a silent client is dropped at the deadline and costs nothing meanwhile) {
  test_node b{"b", {[](auto& s) { s.handshake_timeout = 1s; }, {}, {}}};
  const auto before = epoll_waits.load();
  const auto client = tcp_to(b.links.address());
  CAF_CHECK(blocking{client.get()}.ended());
  // It came, its time was up, it was closed: a handful of times there was something to do. A node that spins
  // looks many thousand times.
  CAF_CHECK_LESS(epoll_waits.load() - before, 100u);
  CAF_CHECK(in_order(b));
}

CAF_TEST(a client that speaks TLS and then says nothing is dropped at the deadline) {
  test_node b{"b", {[](auto& s) { s.handshake_timeout = 300ms; }, {}, {}}};
  tls_stranger client{b.links.address(), &stranger()};
  CAF_CHECK(client.connected);
  CAF_CHECK(client.ended());
  CAF_CHECK(in_order(b));
}

CAF_TEST(a byte now and then does not buy time) {
  test_node b{"b", {[](auto& s) { s.handshake_timeout = 300ms; }, {}, {}}};
  const auto client = tcp_to(b.links.address());
  const blocking bytes{client.get()};
  // The beginning of a good TLS record, drop by drop, until the node hangs up.
  const std::string record = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, 'x');
  std::size_t sent = 0;
  for (pollfd one{client.get(), POLLIN, 0}; sent < record.size() && ::poll(&one, 1, 10) == 0; ++sent)
    bytes.write(record.substr(sent, 1));
  CAF_CHECK_LESS(sent, record.size());
  CAF_CHECK(in_order(b));
}

CAF_TEST(garbage is dropped at once) {
  test_node b{"b"};
  for (const auto& garbage : {std::string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, std::string(100'000, '\0'),
                              std::string(100'000, '\xff'), std::string("\x16\x03\x01\xff\xff") + std::string(70'000, 'x'),
                              std::string("CRLK\x01\xff\xff", 7)}) {
    const auto client = tcp_to(b.links.address());
    const blocking bytes{client.get()};
    bytes.write(garbage);
    std::string said = bytes.read(1'000); // an alert, perhaps
    CAF_CHECK_LESS(said.size(), 1'000u);
  }
  CAF_CHECK(in_order(b));
}

CAF_TEST(nonsense in good TLS is dropped at once and reserves nothing) {
  test_node b{"b"};
  const auto before = resident();
  for (const auto& nonsense :
       {std::string("CRLK\x01\xff\xff", 7), std::string("CRLK\x01\x04\x01", 7), std::string("BASP\xff\xff\xff\xff", 8),
        // A text that claims to have four gigabytes.
        std::string("CRLK\x01\x00\x07\x01\x02\xFF\xFF\xFF\xFF\x0F", 14), encode(link_welcome{}),
        encode(link_refusal{link_refusal_code::cluster, "no"}), std::string("CRLK\x09\x00\x00", 7)}) {
    tls_stranger client{b.links.address(), &stranger()};
    CAF_CHECK(client.write(nonsense));
    CAF_CHECK(client.ended());
  }
  CAF_CHECK_LESS(resident(), before + (std::size_t{64} << 20));
  CAF_CHECK_EQUAL(b.accepted_now(), 0u);
  CAF_CHECK(in_order(b));
}

CAF_TEST(no tunnel is opened before the last word of the peer) {
  test_node b{"b"};
  tls_stranger client{b.links.address(), &stranger()};
  CAF_CHECK(client.write(encode(hello_of("x"))));
  CAF_CHECK(client.read() == link_frame{hello_of("b")});
  CAF_CHECK(client.write(encode(hello_of("x"))));
  CAF_CHECK(client.ended());
  CAF_CHECK_EQUAL(b.accepted_now(), 0u);
}

CAF_TEST(a crowd of strangers is bounded and shuts nobody out) {
  test_node b{"b", {[](auto& s) { s.max_strangers = 8, s.handshake_timeout = 60s; }, {}, {}}};
  std::vector<descriptor> crowd;
  for (int i = 0; i < 100; ++i)
    crowd.push_back(tcp_to(b.links.address()));
  // Those who came first had to go.
  for (int i = 0; i < 92; ++i)
    CAF_CHECK(blocking{crowd[static_cast<std::size_t>(i)].get()}.ended());
  CAF_CHECK(in_order(b));
}

CAF_TEST(links in use are bounded) {
  test_node a{"a"};
  test_node b{"b", {[](auto& s) { s.max_links = 2; }, {}, {}}};
  std::vector<node_link> held;
  for (int i = 0; i < 2; ++i) {
    auto result = a.connect(b, "b");
    CAF_REQUIRE(std::holds_alternative<node_link>(result));
    held.push_back(std::get<node_link>(std::move(result)));
  }
  auto third = a.connect(b, "b");
  CAF_REQUIRE(std::holds_alternative<link_failure>(third));
  CAF_CHECK(std::get<link_failure>(third).error == link_error::busy);
  a.links.close(held[0].id);
  CAF_CHECK_NOT_EQUAL(b.closed(b.accepted()->id), "still open");
  CAF_CHECK(std::holds_alternative<node_link>(a.connect(b, "b")));
}

CAF_TEST(nonsense over a link that stands ends it and reserves nothing) {
  test_node b{"b"};
  const auto before = resident();
  for (const auto& nonsense : {std::string("BASP\xff\xff\xff\xff", 8), std::string(100'000, '\xff'), std::string(8, '\0'),
                               // A record that claims 16 MB, of a message and of the tunnel.
                               std::string("\x03\xff\xff\xff", 4), std::string("\x01\xff\xff\xff", 4)}) {
    tls_stranger client{b.links.address(), &stranger()};
    client.write(encode(hello_of("x")));
    CAF_REQUIRE(client.read().has_value());
    client.write(encode(link_welcome{}) + nonsense);
    auto link = b.accepted();
    CAF_REQUIRE(link);
    CAF_CHECK_EQUAL(b.closed(link->id), "what came is not the protocol between nodes");
    CAF_CHECK(blocking{link->tunnel.get()}.ended());
  }
  CAF_CHECK(b.messages(0).empty());
  CAF_CHECK_LESS(resident(), before + (std::size_t{64} << 20));
  CAF_CHECK(in_order(b));
}

CAF_TEST(a peer that resets the connection is noticed at once) {
  test_node b{"b"};
  {
    tls_stranger client{b.links.address(), &stranger()};
    client.write(encode(hello_of("x")));
    CAF_CHECK(client.read().has_value());
    client.write(encode(link_welcome{}));
    auto link = b.accepted();
    CAF_REQUIRE(link);
    client.reset();
    CAF_CHECK(blocking{link->tunnel.get()}.ended());
    CAF_CHECK_NOT_EQUAL(b.closed(link->id), "still open");
  }
}
