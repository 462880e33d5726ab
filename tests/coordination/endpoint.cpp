#define CAF_SUITE endpoint
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "config/text_value.hpp"
#include "coordination/etcd.hpp"

#include <stdexcept>
#include <string>

using namespace carillon::config;

CAF_TEST(a host and a port are as others would dial them) {
  for (const std::string good : {"node-1.example:7000", "localhost:1", "10.0.0.1:65535", "[::1]:7000", "a_b:80", "x1:9"})
    CAF_CHECK_EQUAL(good + (is_host_and_port(good) ? "" : " is refused"), good);
  for (const std::string bad :
       {"", ":", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "host:+1", "host: 1", "host:1 ", "host:0x10",
        "host:80:90", "::1:80", "[::1]", "[::1:80", "[host]:80", "[10.0.0.1]:80", "10.0.0.256:80", "10.0.0:80", "host.:80",
        "ho st:80", "host/x:80", "user@host:80", "h\xC3\xB6st:80", "host:99999999999999999999"})
    CAF_CHECK_EQUAL(bad + (is_host_and_port(bad) ? " is taken" : ""), bad);
  CAF_CHECK(is_host_and_port(std::string(253, 'a') + ":80"));
  CAF_CHECK(!is_host_and_port(std::string(254, 'a') + ":80"));
  CAF_CHECK(!is_host_and_port(std::string("a\0b:80", 6)));
}

CAF_TEST(an endpoint is a scheme with host and port and nothing else) {
  const auto plain = parse_endpoint("http://etcd-1.example:2379");
  CAF_REQUIRE(plain.has_value());
  CAF_CHECK(!plain->tls);
  CAF_CHECK_EQUAL(plain->host, "etcd-1.example");
  CAF_CHECK_EQUAL(plain->port, 2379);
  const auto tls = parse_endpoint("https://[::1]:443/");
  CAF_REQUIRE(tls.has_value());
  CAF_CHECK(tls->tls);
  CAF_CHECK_EQUAL(tls->host, "::1");
  for (const std::string bad :
       {"", "http://", "https://", "host:80", "http:host:80", "HTTP://host:80", "ftp://host:80", "http://host",
        "http://host:0", "http://host:80//", "http://host:80/v3", "http://host:80?x", "http://host:80#x",
        "http://user@host:80", " http://host:80", "http://host:80 ", "http://http://host:80"})
    CAF_CHECK_EQUAL(bad + (parse_endpoint(bad) ? " is taken" : ""), bad);
}

CAF_TEST(a store names the endpoint or the file that is no use) {
  using namespace carillon::coordination;
  const auto refusal = [](etcd_settings settings) -> std::string {
    try {
      (void)make_etcd_store(settings);
    } catch (const std::runtime_error& problem) {
      return problem.what();
    }
    return "";
  };
  CAF_CHECK(!refusal({}).empty());
  CAF_CHECK(refusal({{"http://host:1", "etcd:2379"}, "", "", ""}).find("\"etcd:2379\"") != std::string::npos);
  CAF_CHECK(refusal({{"https://host:1"}, "/no/ca", "", ""}).find("/no/ca") != std::string::npos);
  CAF_CHECK(refusal({{"https://host:1"}, "", "/no/certificate", ""}).find("/no/certificate") != std::string::npos);
  CAF_CHECK(refusal({{"https://host:1"}, "", "", "/no/key"}).find("/no/key") != std::string::npos);
}
