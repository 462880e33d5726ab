#define CAF_SUITE http_server_tls
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "http_server_fixture.hpp"
#include "net/tls_server.hpp"
#include "tls_fixture.hpp"

#include <csignal>
#include <fstream>

using namespace http_server_test;
using tls_fixture::identity;
using tls_fixture::make_identity;
using tls_fixture::temporary_file;

namespace {

std::string key_pem(const identity& of) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, of.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

void overwrite(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::trunc} << text;
}

/// A blocking TLS client on a raw connection.
class tls_client {
public:
  explicit tls_client(const std::string& url, int most_version = TLS1_3_VERSION) : connection_(url) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    // Level 0 lets OpenSSL offer the old versions at all; the refusal must be the server's.
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), most_version);
    tls_.reset(SSL_new(context_.get()));
    static constexpr unsigned char offered[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(tls_.get(), offered, sizeof offered - 1);
    SSL_set_fd(tls_.get(), connection_.descriptor());
    connected_ = SSL_connect(tls_.get()) == 1;
  }

  bool connected() const { return connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string peer_name() const {
    char name[100] = "";
    X509* certificate = SSL_get0_peer_certificate(tls_.get());
    if (certificate != nullptr)
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    return name;
  }
  bool send(const std::string& bytes) {
    return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  /// What comes until the server says that nothing more will; empty when it breaks off instead.
  std::string read_to_end() {
    std::string all;
    char bytes[16384];
    for (int got = 0; (got = SSL_read(tls_.get(), bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(got));
    return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 ? all : std::string{};
  }

private:
  struct frees {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
    void operator()(SSL* p) const { SSL_free(p); }
  };
  raw_client connection_;
  std::unique_ptr<SSL_CTX, frees> context_;
  std::unique_ptr<SSL, frees> tls_;
  bool connected_ = false;
};

struct tls_server_fixture : server_fixture {
  tls_server_fixture() {
    std::signal(SIGPIPE, SIG_IGN);
    settings.tls_certificate = certificate.path();
    settings.tls_key = key.path();
  }

  identity first = make_identity({.common_name = "first", .alternative_names = "DNS:localhost"});
  temporary_file certificate{tls_fixture::to_pem(first)};
  temporary_file key{key_pem(first)};
};

const std::string last_request = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_server_tls_tests, tls_server_fixture)

CAF_TEST(requests_are_served_over_tls_and_the_end_is_announced) {
  start();
  CAF_CHECK(url.starts_with("https://127.0.0.1:"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_client client{url, version};
    CAF_REQUIRE(client.connected());
    CAF_CHECK_EQUAL(client.protocol(), "http/1.1");
    client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + last_request);
    const auto answers = client.read_to_end();
    CAF_CHECK(contains(answers, "POST /1 abc from 127.0.0.1"));
    CAF_CHECK(contains(answers, "GET /x"));
  }
}

CAF_TEST(old_versions_are_refused) {
  start();
  CAF_CHECK(!(tls_client{url, TLS1_1_VERSION}.connected()));
  CAF_CHECK(!(tls_client{url, TLS1_VERSION}.connected()));
}

CAF_TEST(a_refused_upload_over_tls_still_sees_the_answer) {
  start();
  tls_client client{url};
  CAF_REQUIRE(client.connected());
  client.send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n");
  CAF_CHECK(client.send(std::string(4'000'000, 'x')));
  CAF_CHECK(contains(client.read_to_end(), "401 Unauthorized"));
}

CAF_TEST(a_stall_in_the_handshake_ends) {
  settings.header_timeout = 200ms;
  start();
  raw_client silent{url}, half{url};
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  CAF_CHECK(silent.gone());
  CAF_CHECK(half.gone());
  CAF_CHECK(eventually([this] { return server->connections() == 0; }));
}

CAF_TEST(plain_requests_to_a_tls_port_end) {
  start();
  raw_client plain{url};
  plain.send(last_request);
  plain.answer();
  CAF_CHECK(eventually([this] { return server->connections() == 0; }));
  CAF_CHECK_EQUAL(service->handled.load(), 0);
}

CAF_TEST(a_reload_changes_new_connections_and_a_bad_one_nothing) {
  start();
  tls_client before{url};
  CAF_CHECK_EQUAL(before.peer_name(), "first");
  const auto second = make_identity({.common_name = "second"});
  overwrite(certificate.path(), tls_fixture::to_pem(second));
  try {
    server->reload_certificates();
    CAF_ERROR("a certificate that the key doesn't fit was taken");
  } catch (const std::runtime_error& error) {
    CAF_CHECK(contains(error.what(), key.path()));
  }
  CAF_CHECK_EQUAL(tls_client{url}.peer_name(), "first");
  overwrite(key.path(), key_pem(second));
  server->reload_certificates();
  CAF_CHECK_EQUAL(tls_client{url}.peer_name(), "second");
  before.send(last_request);
  CAF_CHECK(contains(before.read_to_end(), "GET /x"));
}

CAF_TEST(unusable_certificates_are_named) {
  const auto problem = [this] {
    try {
      http_server refused{settings, service};
      return std::string{};
    } catch (const std::runtime_error& error) {
      return std::string{error.what()};
    }
  };
  settings.tls_certificate = "/nowhere/cert.pem";
  CAF_CHECK(contains(problem(), "/nowhere/cert.pem"));
  settings.tls_certificate.clear();
  CAF_CHECK(contains(problem(), "both"));
}

CAF_TEST(the_expiry_of_the_certificate_is_known) {
  const tls_server own{certificate.path(), key.path()};
  const auto left = own.expiry() - std::chrono::system_clock::now();
  CAF_CHECK(left > 50min);
  CAF_CHECK(left <= 60min);
}

CAF_TEST(stopping_ends_open_tls_connections) {
  start();
  tls_client idle{url}, waiting{url};
  raw_client handshaking{url};
  waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_REQUIRE(eventually([this] { return service->waiting == 1 && server->connections() == 3; }));
  std::thread stopper{[this] { server->stop(60s); }};
  CAF_CHECK(eventually([this] { return !listens(url); }));
  service->release = true;
  CAF_CHECK(contains(waiting.read_to_end(), "GET /wait"));
  stopper.join();
  CAF_CHECK(handshaking.gone());
}

CAF_TEST_FIXTURE_SCOPE_END()
