#define CAF_SUITE etcd_tls
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/coordination/etcd_fixture.hpp"
#include "tests/unit/tls_fixture.hpp"

#include <memory>

using namespace etcd_fixture;
using namespace std::chrono_literals;
using tls_fixture::identity;
using tls_fixture::make_identity;
using tls_fixture::temporary_file;
using tls_fixture::to_pem;

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

/// An authority, an etcd with its certificate that wants one of it from everybody, and one for a node.
struct guarded_etcd {
  explicit guarded_etcd(const std::string& names)
      : server_identity{make_identity({.common_name = "etcd", .alternative_names = names}, &authority)} {}

  identity authority = make_identity({.common_name = "an authority", .authority = true});
  identity stranger = make_identity({.common_name = "another authority", .authority = true});
  identity server_identity;
  identity node_identity = make_identity({.common_name = "node"}, &authority);
  identity strange_node = make_identity({.common_name = "node"}, &stranger);
  temporary_file ca{to_pem(authority)}, strange_ca{to_pem(stranger)};
  temporary_file server_certificate{to_pem(server_identity)}, server_key{key_pem(server_identity)};
  temporary_file node_certificate{to_pem(node_identity)}, node_key{key_pem(node_identity)};
  temporary_file strange_certificate{to_pem(strange_node)}, strange_key{key_pem(strange_node)};
  etcd server{{"--cert-file", server_certificate.path(), "--key-file", server_key.path(), "--client-cert-auth",
               "--trusted-ca-file", ca.path()},
              "https"};

  std::unique_ptr<configuration_store> store(const std::string& url, const temporary_file& trusted,
                                             const temporary_file* certificate, const temporary_file* key) {
    etcd_settings settings;
    settings.endpoints = {url};
    settings.ca_file = trusted.path();
    settings.certificate_file = certificate == nullptr ? "" : certificate->path();
    settings.key_file = key == nullptr ? "" : key->path();
    settings.attempt_timeout = 5s;
    return make_etcd_store(settings);
  }
  std::string by_name() const { return "https://localhost:" + std::to_string(server.port()); }
};

} // namespace

CAF_TEST(over https everything goes with a certificate and nothing without) {
  guarded_etcd guarded{"IP:127.0.0.1,DNS:localhost"};
  const auto& good = guarded.node_certificate;
  auto store = guarded.store(guarded.server.url(), guarded.ca, &good, &guarded.node_key);
  wait_until_up(*store);
  CAF_CHECK(swap(*store, {"/t/1", 0, "one", 0}).succeeded);
  auto all = std::make_shared<heard<watch_report>>();
  const auto watching = store->watch("/t/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  const auto lease = grant(*store, 5s);
  CAF_CHECK(swap(*store, {"/t/2", 0, std::string(100'000, 'x'), lease.lease}).succeeded);
  CAF_CHECK(all->wait([](const auto& seen) {
    return seen.back().stream == watch_report::state::following && seen.back().at >= 3;
  }));
  auto named = guarded.store(guarded.by_name(), guarded.ca, &good, &guarded.node_key);
  CAF_CHECK_EQUAL(get(*named, "/t/", reach::prefix).entries.size(), 2u);

  const auto refused = [&](std::unique_ptr<configuration_store> with) {
    const auto read = get(*with, "/t/1");
    return read.error && read.error->what == failure::unreachable && read.entries.empty() &&
           swap(*with, {"/t/3", 0, "three", 0}).error.has_value();
  };
  CAF_CHECK(refused(guarded.store(guarded.server.url(), guarded.ca, nullptr, nullptr)));
  CAF_CHECK(refused(guarded.store(guarded.server.url(), guarded.ca, &guarded.strange_certificate, &guarded.strange_key)));
  CAF_CHECK(refused(guarded.store(guarded.server.url(), guarded.strange_ca, &good, &guarded.node_key)));
  CAF_CHECK(refused(guarded.store(loopback(guarded.server.port()), guarded.ca, &good, &guarded.node_key)));
  CAF_CHECK_EQUAL(get(*store, "/t/", reach::prefix).entries.size(), 2u);
}

CAF_TEST(a certificate of another name is refused) {
  guarded_etcd guarded{"DNS:etcd.example,IP:127.0.0.2"};
  // The address that it does name is loopback, too, but etcd doesn't listen there: so nothing is up to wait for.
  auto plain = guarded.store(guarded.server.url(), guarded.ca, &guarded.node_certificate, &guarded.node_key);
  auto named = guarded.store(guarded.by_name(), guarded.ca, &guarded.node_certificate, &guarded.node_key);
  for (auto* each : {plain.get(), named.get()}) {
    call_error last;
    const auto end = std::chrono::steady_clock::now() + patience;
    // Until it listens, and then speaks TLS.
    do {
      const auto read = get(*each, "/t/1");
      CAF_REQUIRE(read.error);
      last = *read.error;
    } while (last.detail.find("certificate verify failed") == std::string::npos && std::chrono::steady_clock::now() < end);
    CAF_CHECK(last.detail.find("certificate verify failed") != std::string::npos);
    CAF_CHECK(last.what == failure::unreachable);
  }
}

CAF_TEST(a key must be that of the certificate) {
  guarded_etcd guarded{"IP:127.0.0.1"};
  std::string refusal;
  try {
    (void)guarded.store(guarded.server.url(), guarded.ca, &guarded.node_certificate, &guarded.strange_key);
  } catch (const std::runtime_error& problem) {
    refusal = problem.what();
  }
  CAF_CHECK(refusal.find(guarded.strange_key.path()) != std::string::npos);
}
