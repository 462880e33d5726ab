#define CAF_SUITE node_link_trust
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/link_fixture.hpp"

using namespace link_tests;

namespace {

/// Why node "a", made so, gets no link to node "b", made so; both must log it, and b have accepted nothing.
link_failure refused(adjust a_with, adjust b_with, const std::string& wanted = "b",
                     const std::string& host = "127.0.0.1") {
  test_node a{"a", std::move(a_with)};
  test_node b{"b", std::move(b_with)};
  auto result = a.connect(host + b.links.address().substr(b.links.address().rfind(':')), wanted);
  CAF_CHECK_EQUAL(b.accepted_now(), 0u);
  CAF_CHECK_EQUAL(b.links.open(), 0u);
  if (std::holds_alternative<node_link>(result))
    return {link_error::stopped, "a link stands"};
  return std::get<link_failure>(result);
}

tls_fixture::identity expired(const tls_fixture::identity& ca) {
  return tls_fixture::make_identity({"node", "IP:127.0.0.1", -7200, -3600}, &ca);
}

#define CHECK_REFUSED(failure, kind, text)                                                                             \
  {                                                                                                                    \
    const link_failure seen = failure;                                                                                   \
    CAF_CHECK_EQUAL(to_string(seen.error), kind);                                                                         \
    CAF_CHECK_EQUAL(seen.detail, text);                                                                                   \
  }

} // namespace

CAF_TEST(a server with a certificate of another CA is not trusted) {
  const auto f = refused({}, {{}, node_identity("IP:127.0.0.1", cas().foreign), {}});
  CHECK_REFUSED(f, "certificate", "the peer's certificate: unable to get local issuer certificate");
  CAF_CHECK(!f.retryable());
}

CAF_TEST(a client with a certificate of another CA is not trusted) {
  CHECK_REFUSED(refused({{}, node_identity("IP:127.0.0.1", cas().foreign), {}}, {}), "certificate",
                "the peer refused this node's certificate: unknown CA");
}

CAF_TEST(expired certificates are refused on either side) {
  CHECK_REFUSED(refused({}, {{}, expired(cas().cluster), {}}), "certificate",
                "the peer's certificate: certificate has expired");
  CHECK_REFUSED(refused({{}, expired(cas().cluster), {}}, {}), "certificate",
                "the peer refused this node's certificate: certificate expired");
}

CAF_TEST(a server whose certificate names another host is refused) {
  CHECK_REFUSED(refused({}, {{}, node_identity("IP:127.0.0.2"), {}}), "certificate",
                "the peer's certificate: IP address mismatch");
  CHECK_REFUSED(refused({}, {{}, node_identity("DNS:elsewhere.example"), {}}, "b", "localhost"), "certificate",
                "the peer's certificate: hostname mismatch");
}

CAF_TEST(a certificate for many hosts names none of them) {
  CHECK_REFUSED(refused({[](auto& s) { s.self.host = "a.nodes.example"; }, node_identity("DNS:*.nodes.example"), {}}, {}),
                "identity", "the peer refused: the certificate of node a doesn't name its host a.nodes.example");
}

CAF_TEST(a client that claims a host its certificate does not name is refused) {
  const auto f = refused({[](auto& s) { s.self.host = "127.0.0.9"; }, {}, {}}, {});
  CHECK_REFUSED(f, "identity", "the peer refused: the certificate of node a doesn't name its host 127.0.0.9");
}

CAF_TEST(another cluster is refused) {
  const auto f = refused({[](auto& s) { s.self.cluster = "staging"; }, {}, {}}, {});
  CHECK_REFUSED(f, "cluster", "the peer refused: node a is of cluster \"staging\", not \"test\"");
  CAF_CHECK(!f.retryable());
}

CAF_TEST(a version that the other does not speak is refused) {
  const auto f = refused({[](auto& s) { s.self.oldest_version = s.self.newest_version = 2; }, {}, {}}, {});
  CHECK_REFUSED(f, "version", "the peer refused: node a speaks versions 2 to 2, node b speaks 1 to 1");
  CAF_CHECK(!f.retryable());
}

CAF_TEST(versions N and N minus 1 speak N minus 1) {
  test_node a{"a", {[](auto& s) { s.self.newest_version = 2; }, {}, {}}};
  test_node b{"b"};
  auto result = a.connect(b, "b");
  CAF_REQUIRE(std::holds_alternative<node_link>(result));
  CAF_CHECK_EQUAL(std::get<node_link>(result).version, 1u);
}

CAF_TEST(another node than the one asked for is refused) {
  const auto f = refused({}, {}, "c");
  CHECK_REFUSED(f, "identity", "refused: node b answered instead of c");
  CAF_CHECK(f.retryable());
}

CAF_TEST(a node that is not known is refused but may ask again) {
  const auto f = refused({}, {{}, {}, [](const link_hello& peer) { return peer.node != "a"; }});
  CHECK_REFUSED(f, "identity", "the peer refused: node a at 127.0.0.1 is not expected here");
  CAF_CHECK(f.retryable());
}

CAF_TEST(a node that reaches itself is refused) {
  test_node b{"b"};
  auto result = b.connect(b, "b");
  CAF_REQUIRE(std::holds_alternative<link_failure>(result));
  CAF_CHECK(std::get<link_failure>(result).error == link_error::identity);
  CAF_CHECK_EQUAL(b.accepted_now(), 0u);
}

CAF_TEST(a client without a certificate gets nowhere) {
  test_node b{"b"};
  tls_stranger client{b.links.address(), nullptr};
  client.write(encode(hello_of("a")));
  CAF_CHECK(!client.read());
  CAF_CHECK_EQUAL(b.accepted_now(), 0u);
}

CAF_TEST(nothing older than TLS 1.3 is spoken) {
  test_node b{"b"};
  const auto identity = node_identity();
  CAF_CHECK((tls_stranger{b.links.address(), &identity}.connected));
  CAF_CHECK(!(tls_stranger{b.links.address(), &identity, TLS1_2_VERSION}.connected));
}

CAF_TEST(new certificates are used from the next link on) {
  const auto first = node_identity(), second = expired(cas().cluster);
  const tls_fixture::temporary_file certificate{tls_fixture::to_pem(first)}, key{key_pem(first)};
  test_node a{"a"};
  test_node b{"b", {[&](auto& s) { s.certificate = certificate.path(), s.key = key.path(); }, {}, {}}};
  auto one = a.connect(b, "b");
  CAF_CHECK(std::holds_alternative<node_link>(one));
  const auto overwrite = [](const std::string& path, const std::string& text) {
    const descriptor file{::open(path.c_str(), O_WRONLY | O_TRUNC)};
    CAF_REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  };
  overwrite(key.path(), key_pem(second));
  std::string complaint;
  try {
    b.links.reload();
  } catch (const std::runtime_error& error) {
    complaint = error.what();
  }
  CAF_CHECK(complaint.starts_with("cluster.key: "));
  auto two = a.connect(b, "b");
  CAF_CHECK(std::holds_alternative<node_link>(two));
  overwrite(certificate.path(), tls_fixture::to_pem(second));
  b.links.reload();
  auto three = a.connect(b, "b");
  CAF_CHECK(std::holds_alternative<link_failure>(three));
  CAF_CHECK_EQUAL(a.links.open(), 2u);
}
