#define CAF_SUITE link_hello
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/link_hello.hpp"

using namespace carillon::net;

namespace {

const link_hello us{"prod", "0b9e6f0a-0000-4000-8000-000000000001", "a.example", 3, 5};

link_hello peer() { return {"prod", "0b9e6f0a-0000-4000-8000-000000000002", "b.example", 4, 7}; }

std::string refusal_of(const link_hello& of, std::string_view wanted = {}) {
  const auto verdict = judge(us, of, wanted);
  const auto* refusal = std::get_if<link_refusal>(&verdict);
  return refusal == nullptr ? "" : std::to_string(static_cast<int>(refusal->code)) + " " + refusal->reason;
}

} // namespace

CAF_TEST(frames come back as they were) {
  for (const link_frame& frame : {link_frame{us}, link_frame{link_welcome{}},
                                  link_frame{link_refusal{link_refusal_code::version, "too old"}}}) {
    const auto bytes = encode(frame);
    CAF_CHECK(payload_size(bytes.substr(0, link_frame_header)) == bytes.size() - link_frame_header);
    CAF_CHECK(decode(bytes) == frame);
  }
}

CAF_TEST(the bytes of a hello stay what they are) {
  // Nodes of two versions must understand each other's hello before they know each other's version.
  CAF_CHECK_EQUAL(encode(link_hello{"c", "n", "h", 1, 2}), std::string("CRLK\x01\x00\x08\x01\x02\x01"
                                                                       "c\x01n\x01h",
                                                                       15));
}

CAF_TEST(what a later version appends is skipped) {
  auto bytes = encode(us);
  bytes += "more";
  bytes[6] = static_cast<char>(bytes[6] + 4);
  CAF_CHECK(decode(bytes) == link_frame{us});
}

CAF_TEST(a length over the limit begins no frame) {
  CAF_CHECK(payload_size(std::string("CRLK\x01\x04\x00", 7)) == link_frame_limit);
  CAF_CHECK(!payload_size(std::string("CRLK\x01\x04\x01", 7)));
  CAF_CHECK(!payload_size(std::string("CRLK\x01\xFF\xFF", 7)));
  CAF_CHECK(!payload_size(std::string("HTTP/1.", 7)));
  CAF_CHECK(!payload_size("CRL"));
}

CAF_TEST(nonsense is no frame) {
  const auto good = encode(us);
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    CAF_CHECK(!decode(good.substr(0, cut)));
  // A text that claims four gigabytes.
  CAF_CHECK(!decode(std::string("CRLK\x01\x00\x07\x01\x02\xFF\xFF\xFF\xFF\x0F", 14)));
  CAF_CHECK(!decode(encode(link_hello{"", "n", "h", 1, 1})));
  CAF_CHECK(!decode(encode(link_hello{"c", "n\n", "h", 1, 1})));
  CAF_CHECK(!decode(encode(link_hello{"c", "n", "h", 2, 1})));
  CAF_CHECK(!decode(std::string("CRLK\x09\x00\x00", 7)));
}

CAF_TEST(texts are cut at their limits and every frame fits) {
  const std::string endless(100'000, 'x');
  const auto hello = decode(encode(link_hello{endless, endless, endless, UINT32_MAX, UINT32_MAX}));
  CAF_REQUIRE(hello);
  CAF_CHECK_EQUAL(std::get<link_hello>(*hello).cluster.size(), link_cluster_limit);
  CAF_CHECK_EQUAL(std::get<link_hello>(*hello).host.size(), link_host_limit);
  const auto refusal = decode(encode(link_refusal{link_refusal_code::cluster, endless}));
  CAF_REQUIRE(refusal);
  CAF_CHECK_EQUAL(std::get<link_refusal>(*refusal).reason.size(), link_reason_limit);
}

CAF_TEST(the newest version that both speak is spoken) {
  const auto of = [](std::uint32_t oldest, std::uint32_t newest) {
    auto they = peer();
    they.oldest_version = oldest;
    they.newest_version = newest;
    return judge(us, they, {});
  };
  CAF_CHECK(of(4, 7) == (std::variant<std::uint32_t, link_refusal>{5u}));
  CAF_CHECK(of(1, 3) == (std::variant<std::uint32_t, link_refusal>{3u}));
  CAF_CHECK(of(5, 5) == (std::variant<std::uint32_t, link_refusal>{5u}));
  CAF_CHECK(std::holds_alternative<link_refusal>(of(6, 9)));
  CAF_CHECK(std::holds_alternative<link_refusal>(of(1, 2)));
}

CAF_TEST(a peer is refused with the reason) {
  CAF_CHECK_EQUAL(refusal_of(peer()), "");
  CAF_CHECK_EQUAL(refusal_of(peer(), peer().node), "");
  auto other = peer();
  other.cluster = "test";
  CAF_CHECK_EQUAL(refusal_of(other),
                  "2 node 0b9e6f0a-0000-4000-8000-000000000002 is of cluster \"test\", not \"prod\"");
  other = peer();
  other.oldest_version = other.newest_version = 6;
  CAF_CHECK_EQUAL(refusal_of(other), "3 node 0b9e6f0a-0000-4000-8000-000000000002 speaks versions 6 to 6, node " +
                                         us.node + " speaks 3 to 5");
  CAF_CHECK_EQUAL(refusal_of(peer(), "another"),
                  "4 node 0b9e6f0a-0000-4000-8000-000000000002 answered instead of another");
  CAF_CHECK_EQUAL(refusal_of(us), "4 node " + us.node + " reached itself, or a copy of its store");
}
