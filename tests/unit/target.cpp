#define CAF_SUITE target
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/egress_policy.hpp"
#include "net/header_rules.hpp"
#include "net/target.hpp"

using namespace carillon::net;

namespace {

const egress_policy& usual() {
  static const egress_policy policy{{}};
  return policy;
}

const egress_policy& open_ports() {
  static const egress_policy policy{{.ports = {}}};
  return policy;
}

} // namespace

CAF_TEST(a plain URL is taken apart) {
  const auto result = parse_target("https://hooks.example.com/a/b?c=d&e=%20f#frag", usual());
  CAF_REQUIRE(result);
  CAF_CHECK_EQUAL(result.target->host, "hooks.example.com");
  CAF_CHECK_EQUAL(result.target->port, 443);
  CAF_CHECK_EQUAL(result.target->path, "/a/b?c=d&e=%20f");
  CAF_CHECK_EQUAL(result.target->host_header, "hooks.example.com");
  CAF_CHECK_EQUAL(result.target->origin, "hooks.example.com:443");
  CAF_CHECK(!result.target->literal);
}

CAF_TEST(hosts are brought into one form) {
  struct row {
    const char *url, *host, *header, *path;
  };
  for (auto [url, host, header, path] : {
           row{"HTTPS://Example.COM", "example.com", "example.com", "/"},
           row{"https://example.com.", "example.com", "example.com", "/"},
           row{"https://example.com:443/", "example.com", "example.com", "/"},
           row{"https://example.com:/x", "example.com", "example.com", "/x"},
           row{"https://example.com:8443?q", "example.com", "example.com:8443", "/?q"},
           row{"https://b\xc3\xbc" "cher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", "/"},
           row{"https://B\xc3\x9c" "CHER.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", "/"},
           row{"https://fa\xc3\x9f.example/", "xn--fa-hia.example", "xn--fa-hia.example", "/"},
           row{"https://XN--Bcher-kva.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", "/"},
           row{"https://a_b.example/", "a_b.example", "a_b.example", "/"},
           row{"https://8.8.8.8/", "8.8.8.8", "8.8.8.8", "/"},
           row{"https://[2A00:0::1]:8443/", "2a00::1", "[2a00::1]:8443", "/"},
           row{"https://1.example/", "1.example", "1.example", "/"},
           row{"https://example.com/\xc3\xa4?\xe2\x82\xac", "example.com", "example.com", "/%C3%A4?%E2%82%AC"},
           row{"https://example.com/a{b}\"<>^`|[]", "example.com", "example.com", "/a%7Bb%7D%22%3C%3E%5E%60%7C%5B%5D"},
           row{"https://example.com/a:@b", "example.com", "example.com", "/a:@b"}}) {
    const auto result = parse_target(url, usual());
    CAF_MESSAGE(url << " " << result.error);
    CAF_REQUIRE(result);
    CAF_CHECK_EQUAL(result.target->host, host);
    CAF_CHECK_EQUAL(result.target->host_header, header);
    CAF_CHECK_EQUAL(result.target->path, path);
  }
}

CAF_TEST(what is no acceptable https URL is refused with a reason) {
  for (std::string url : {
           "", "https", "https:", "https:/", "https://", "https:///x", "http://example.com/", "ftp://example.com/",
           "//example.com/", "example.com", "https:example.com", "javascript:alert(1)", "https://?x", "https://#x",
           "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/", "https://a@b@example.com/",
           "https://example.com\\@evil.example/", "https://example.com/a\\b", "https://exa mple.com/", " https://example.com/",
           "https://example.com/ ", "https://example.com/a b", "https://example.com/\t", "https://example.com/\r\nX-A: b",
           "https://example.com/\x7f", "https://ex%61mple.com/", "https://example.com%2f.evil.example/",
           "https://example..com/", "https://.example.com/", "https://example.com../", "https://./", "https://-a.example/",
           "https://a-.example/", "https://exa!mple.com/", "https://example.com:0/", "https://example.com:65536/",
           "https://example.com:+443/", "https://example.com:443443/", "https://example.com:x/", "https://example.com:443:443/",
           "https://example.com/%", "https://example.com/%4", "https://example.com/%zz", "https://[::1/", "https://[x]/",
           "https://2a00::1/", "https://[2a00::1]x/", "https://[2a00::1]x:443/", "https://[fe80::1%25lo]/", "https://[8.8.8.8]/",
           "https://[]/", "https://xn--a.example/", "https://xn--.example/", "https://\xff.example/"}) {
    const auto result = parse_target(url, open_ports());
    CAF_MESSAGE(url << " -> " << result.error);
    CAF_CHECK(!result);
    CAF_CHECK(!result.error.empty());
  }
  CAF_CHECK(!parse_target("https://" + std::string(64, 'a') + ".example/", usual()));
  CAF_CHECK(parse_target("https://" + std::string(63, 'a') + ".example/", usual()));
  CAF_CHECK(!parse_target("https://example.com/" + std::string(max_target_url, 'a'), usual()));
  CAF_CHECK(!parse_target(std::string{"https://example.com/\0x", 22}, usual()));
  CAF_CHECK(!parse_target(std::string{"https://exa\0mple.com/", 21}, usual()));
}

CAF_TEST(a host that only looks like an address is refused) {
  for (std::string host : {"0177.0.0.1", "127.1", "2130706433", "0x7f000001", "127.0.0.01", "127.0.0.0x1", "1.2.3.4.5", "1.2.3",
                           "256.8.8.8", "8.8.8.999", "8.8.8.", "1", "0", "0x", "foo.0x1", "foo.1", "08.8.8.8", "8.8.8.08"}) {
    const auto result = parse_target("https://" + host + "/", open_ports());
    CAF_MESSAGE(host << " -> " << result.error);
    CAF_CHECK(!result);
  }
  // Full-width digits and ideographic dots become an address in the end, and are judged as one.
  CAF_CHECK(!parse_target("https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97\xe3\x80\x82" "0.0.1/", usual()));
  // A care-of sign becomes "c/o", a full-width percent sign "%".
  CAF_CHECK(!parse_target("https://a\xe2\x84\x85" "b.example/", usual()));
  CAF_CHECK(!parse_target("https://a\xef\xbc\x85" "41.example/", usual()));
}

CAF_TEST(addresses and ports are judged at once) {
  for (auto url : {"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/",
                   "https://169.254.169.254/latest", "https://[fe80::1]/", "https://[64:ff9b::7f00:1]/", "https://127.0.0.1./"}) {
    const auto result = parse_target(url, usual());
    CAF_CHECK(!result);
    CAF_CHECK(result.error.find("not allowed") != std::string::npos);
  }
  CAF_CHECK(!parse_target("https://example.com:80/", usual()));
  CAF_CHECK(parse_target("https://example.com:80/", open_ports()));
  const egress_policy local{{.allow = {"127.0.0.0/8"}}};
  const auto result = parse_target("https://127.0.0.1:8443/", local);
  CAF_REQUIRE(result);
  CAF_CHECK(result.target->literal == boost::asio::ip::make_address("127.0.0.1"));
  CAF_CHECK_EQUAL(result.target->origin, "127.0.0.1:8443");
}

CAF_TEST(custom headers must be tokens and field values) {
  CAF_CHECK(!check_custom_header("X-Api-Key", "abc"));
  CAF_CHECK(!check_custom_header("Authorization", "Bearer a.b-c"));
  CAF_CHECK(!check_custom_header("x!#$%&'*+-.^_`|~9", ""));
  CAF_CHECK(!check_custom_header("X-Text", "a\tb \xc3\xa4"));
  for (std::string name : {"", " X", "X ", "X:", "X Y", "X\r\nY", "X\n", "(X)", "X\"", "\xc3\xa4", "X/Y", "X=Y", "X@", "{X}"})
    CAF_CHECK(check_custom_header(name, "v"));
  for (std::string value : {"v\r\nInjected: 1", "v\n", "v\r", "\x01", "a\x7f", " v", "v ", "\tv"})
    CAF_CHECK(check_custom_header("X-A", value));
  CAF_CHECK(check_custom_header("X-A", std::string{"a\0b", 3}));
  CAF_CHECK(check_custom_header(std::string{"X\0", 2}, "v"));
  CAF_CHECK(check_custom_header(std::string(max_header_name + 1, 'x'), "v"));
  CAF_CHECK(check_custom_header("X-A", std::string(max_header_value + 1, 'x')));
  CAF_CHECK(!check_custom_header("X-A", std::string(max_header_value, 'x')));
}

CAF_TEST(reserved headers are refused in any case) {
  for (auto name : {"Host", "content-length", "Content-Length", "TRANSFER-ENCODING", "Connection", "Keep-Alive", "TE", "Trailer",
                    "Upgrade", "Proxy-Authorization", "proxy-connection", "Expect", "Content-Type", "User-Agent", "webhook-id",
                    "Webhook-Signature", "WEBHOOK-anything"})
    CAF_CHECK(check_custom_header(name, "v"));
}
