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

namespace {

/// The files of a node's certificate, which an operator replaces.
struct renewable {
  explicit renewable(const tls_fixture::identity& first)
      : certificate{tls_fixture::to_pem(first)}, key{key_pem(first)}, ca{tls_fixture::to_pem(cas().cluster)} {}

  adjust used() {
    return {[this](auto& s) { s.certificate = certificate.path(), s.key = key.path(), s.ca = ca.path(); }, {}, {}};
  }

  static void overwrite(const tls_fixture::temporary_file& file, const std::string& text) {
    const descriptor to{::open(file.path().c_str(), O_WRONLY | O_TRUNC)};
    CAF_REQUIRE(::write(to.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

  tls_fixture::temporary_file certificate, key, ca;
};

std::string complaint_of_reload(test_node& node) {
  try {
    node.links.reload();
    return {};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// Why there is no link; empty when there is one.
std::string failure_of(const std::variant<node_link, link_failure>& result) {
  const auto* failed = std::get_if<link_failure>(&result);
  return failed == nullptr ? std::string{} : failed->detail;
}

} // namespace

CAF_TEST(new certificates are used from the next link on) {
  const auto second = expired(cas().cluster);
  renewable files{node_identity()};
  test_node a{"a"};
  test_node b{"b", files.used()};
  auto one = a.connect(b, "b");
  CAF_REQUIRE_EQUAL(failure_of(one), "");
  auto accepted = b.accepted();
  CAF_REQUIRE(accepted);
  renewable::overwrite(files.certificate, tls_fixture::to_pem(second));
  renewable::overwrite(files.key, key_pem(second));
  // As long as nobody says so the files aren't read.
  auto two = a.connect(b, "b");
  CAF_CHECK_EQUAL(failure_of(two), "");
  CAF_CHECK_EQUAL(complaint_of_reload(b), "");
  CAF_CHECK_EQUAL(failure_of(a.connect(b, "b")), "the peer's certificate: certificate has expired");
  // And when it opens a link itself.
  CAF_CHECK_EQUAL(failure_of(b.connect(a, "a")), "the peer refused this node's certificate: certificate expired");
  // Links that stand go on.
  CAF_CHECK(blocking{std::get<node_link>(one).tunnel.get()}.write("ping"));
  CAF_CHECK_EQUAL(blocking{accepted->tunnel.get()}.read(4), "ping");
  CAF_CHECK_EQUAL(a.links.open(), 2u);
}

CAF_TEST(files that cannot be used leave the certificates as they were) {
  renewable files{node_identity()};
  test_node a{"a"};
  test_node b{"b", files.used()};
  renewable::overwrite(files.key, key_pem(node_identity()));
  CAF_CHECK(complaint_of_reload(b).starts_with("cluster.key: "));
  renewable::overwrite(files.certificate, "nothing");
  CAF_CHECK(complaint_of_reload(b).starts_with("cluster.certificate: "));
  renewable::overwrite(files.ca, "");
  CAF_CHECK(complaint_of_reload(b).starts_with("cluster.ca: "));
  CAF_CHECK_EQUAL(failure_of(a.connect(b, "b")), "");
  CAF_CHECK_EQUAL(failure_of(b.connect(a, "a")), "");
}

CAF_TEST(a new CA is the only one trusted from the next link on) {
  renewable files{node_identity()};
  test_node a{"a"};
  test_node b{"b", files.used()};
  CAF_CHECK_EQUAL(failure_of(a.connect(b, "b")), "");
  renewable::overwrite(files.ca, tls_fixture::to_pem(cas().foreign));
  CAF_CHECK_EQUAL(complaint_of_reload(b), "");
  CAF_CHECK_EQUAL(failure_of(a.connect(b, "b")), "the peer refused this node's certificate: unknown CA");
  CAF_CHECK_EQUAL(failure_of(b.connect(a, "a")), "the peer's certificate: self-signed certificate in certificate chain");
}
