#define CAF_SUITE egress_policy
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/egress_policy.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <stdexcept>

using namespace carillon::net;
using boost::asio::ip::make_address;

namespace {

bool allowed(const egress_policy& policy, const std::string& address) {
  return !policy.judge(make_address(address)).has_value();
}

std::string refusal(const egress_settings& settings) {
  try {
    egress_policy{settings};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

} // namespace

CAF_TEST(public unicast addresses are allowed) {
  const egress_policy policy{{}};
  for (auto text : {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
                    "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255",
                    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0",
                    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0",
                    "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2a00::1",
                    "2620:4f:7fff::1", "2620:4f:8001::1", "3ffe:ffff::1", "3fff:1000::1", "::ffff:8.8.8.8"})
    CAF_CHECK_EQUAL(std::make_pair(std::string{text}, allowed(policy, text)), std::make_pair(std::string{text}, true));
}

CAF_TEST(everything that is not public is refused) {
  const egress_policy policy{{}};
  for (auto text : {
           // IPv4: the special-purpose registry, first and last addresses
           "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
           "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255",
           "192.0.0.0", "192.0.0.170", "192.0.0.255", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.0",
           "192.88.99.255", "192.168.0.0", "192.168.255.255", "192.175.48.1", "198.18.0.0", "198.19.255.255",
           "198.51.100.1", "203.0.113.1", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255",
           "168.63.129.16",
           // IPv6: loopback, unspecified, IPv4 in every dress
           "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
           "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1",
           "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2a00::5efe:8.8.8.8", "2a00::200:5efe:10.0.0.1",
           // discard-only, protocol assignments, documentation, AS112, SRv6 ids
           "100::1", "100:0:0:1::1", "2001:1::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1",
           "2001:db8::1", "3fff::1", "3fff:fff:ffff::1", "2620:4f:8000::1", "2620:4f:8000:ffff::1", "5f00::1",
           // not in 2000::/3
           "4000::1", "1fff::1", "fc00::1", "fd00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1",
           "ff0e::1", "ffff::1"})
    CAF_CHECK_EQUAL(std::make_pair(std::string{text}, allowed(policy, text)), std::make_pair(std::string{text}, false));
}

CAF_TEST(a scope does not change the judgement) {
  const egress_policy policy{{.allow = {"fe80::/64"}}};
  CAF_CHECK(allowed(policy, "fe80::1%lo"));
  CAF_CHECK(!allowed(egress_policy{{}}, "fe80::1%lo"));
}

CAF_TEST(allowed ranges are exempt and denied ranges win over all) {
  const egress_policy policy{{.allow = {"10.0.0.0/8", "127.0.0.1", "fd00::/8"},
                              .deny = {"10.1.0.0/16", "8.8.8.0/24", "2a00::/16"}}};
  CAF_CHECK(allowed(policy, "10.0.0.1"));
  CAF_CHECK(allowed(policy, "::ffff:10.0.0.1"));
  CAF_CHECK(allowed(policy, "127.0.0.1"));
  CAF_CHECK(!allowed(policy, "127.0.0.2"));
  CAF_CHECK(allowed(policy, "fd12::1"));
  CAF_CHECK(!allowed(policy, "fc12::1"));
  CAF_CHECK(!allowed(policy, "10.1.2.3"));
  CAF_CHECK(!allowed(policy, "::ffff:10.1.2.3"));
  CAF_CHECK(!allowed(policy, "8.8.8.8"));
  CAF_CHECK(!allowed(policy, "::ffff:8.8.8.8"));
  CAF_CHECK(!allowed(policy, "2a00::1"));
  CAF_CHECK(allowed(policy, "8.8.4.4"));
}

CAF_TEST(a range written as mapped addresses means IPv4) {
  const egress_policy policy{{.allow = {"::ffff:10.0.0.0/104"}, .deny = {"::ffff:8.8.8.8"}}};
  CAF_CHECK(allowed(policy, "10.9.9.9"));
  CAF_CHECK(!allowed(policy, "8.8.8.8"));
}

CAF_TEST(everything can be allowed) {
  const egress_policy policy{{.allow = {"0.0.0.0/0", "::/0"}}};
  for (auto text : {"127.0.0.1", "255.255.255.255", "::1", "fe80::1", "64:ff9b::1"})
    CAF_CHECK(allowed(policy, text));
}

CAF_TEST(one refused address refuses the name) {
  const egress_policy policy{{}};
  CAF_CHECK(!policy.judge({make_address("8.8.8.8"), make_address("2a00::1")}));
  CAF_CHECK(policy.judge({make_address("8.8.8.8"), make_address("10.0.0.1")}));
  CAF_CHECK(policy.judge({make_address("::1"), make_address("8.8.8.8")}));
}

CAF_TEST(the node does not post to itself) {
  const egress_policy plain{{}};
  const egress_policy told{{.own_addresses = {"8.8.4.4", "2a00::7"}}};
  CAF_CHECK(allowed(plain, "8.8.4.4"));
  CAF_CHECK(!allowed(told, "8.8.4.4"));
  CAF_CHECK(!allowed(told, "::ffff:8.8.4.4"));
  CAF_CHECK(!allowed(told, "2a00::7"));
  CAF_CHECK(allowed(egress_policy{{.allow = {"8.8.4.4/32"}, .own_addresses = {"8.8.4.4"}}}, "8.8.4.4"));
  ifaddrs* list = nullptr;
  CAF_REQUIRE(getifaddrs(&list) == 0);
  for (auto* entry = list; entry != nullptr; entry = entry->ifa_next)
    if (entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      CAF_CHECK(plain.judge(boost::asio::ip::address_v4{ntohl(in->sin_addr.s_addr)}).has_value());
    }
  freeifaddrs(list);
}

CAF_TEST(ports are limited unless the list is empty) {
  const egress_policy usual{{}};
  CAF_CHECK(!usual.judge_port(443));
  CAF_CHECK(!usual.judge_port(8443));
  for (const std::uint16_t port : std::vector<std::uint16_t>{22, 25, 80, 6379, 8080, 65535})
    CAF_CHECK(usual.judge_port(port));
  CAF_CHECK(!egress_policy{{.ports = {}}}.judge_port(22));
}

CAF_TEST(a bad range is named with its key) {
  for (auto text : {"", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.1.0.0/8", "::/129", "fd00::1/8",
                    "10.0.0/8", "fe80::1%lo", "010.0.0.0/8", "10.0.0.0/8/8"}) {
    const auto allow = refusal({.allow = {text}});
    CAF_CHECK(allow.find("egress.allow") != std::string::npos);
    CAF_CHECK(allow.find('"' + std::string{text} + '"') != std::string::npos);
    CAF_CHECK(refusal({.deny = {text}}).find("egress.deny") != std::string::npos);
  }
  CAF_CHECK(refusal({.own_addresses = {"nonsense"}}).find("nonsense") != std::string::npos);
}

CAF_TEST(a refusal names address and reason) {
  CAF_CHECK_EQUAL(egress_policy{{}}.judge(make_address("::ffff:169.254.169.254")).value_or(""),
                  "169.254.169.254 is not allowed: link-local");
}
