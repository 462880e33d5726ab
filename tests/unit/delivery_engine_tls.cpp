#define CAF_SUITE delivery_engine_tls
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/delivery_fixture.hpp"
#include "tests/unit/dns_fixture.hpp"

using namespace delivery_fixture;
using tls_fixture::identity;
using tls_fixture::identity_spec;
using tls_fixture::make_identity;
using tls_fixture::peer;
using tls_fixture::server;

namespace {

void answer(peer& client) {
  while (client.read_request())
    if (!client.answer(200))
      return;
}

delivery_engine_settings with_names(const dns_fixture::server& names) {
  delivery_engine_settings settings;
  settings.nameservers = names.address();
  return settings;
}

void check_refused(const identity& as, const std::string& host, const std::string& expected,
                   const delivery_engine_settings& settings = {}) {
  server receiver{as, {.serve = answer}};
  client some{settings};
  const auto result = some.post(receiver.url(host));
  CAF_MESSAGE(expected << ": " << result.detail);
  CAF_CHECK(result.state == notification_state::failed);
  CAF_CHECK(result.error == failure_class::tls);
  CAF_CHECK(!result.first_byte);
  CAF_CHECK(result.detail.find(expected) != std::string::npos);
  CAF_CHECK_EQUAL(some.post(receiver.url(host), {.insecure = true}).status_code, 200);
}

void check_accepted(const identity& as, const std::string& host, const delivery_engine_settings& settings = {}) {
  server receiver{as, {.serve = answer}};
  client some{settings};
  const auto result = some.post(receiver.url(host));
  CAF_CHECK_EQUAL(result.detail, "");
  CAF_CHECK_EQUAL(result.status_code, 200);
}

} // namespace

CAF_TEST(a certificate must be for the host) {
  dns_fixture::server names;
  for (auto name : {"hooks.example.test", "a.b.example.test", "example.test"})
    names.set(name, {.addresses = {"127.0.0.1"}});
  const auto settings = with_names(names);
  const auto of = [](const std::string& alternative, const std::string& common = "x") {
    return make_identity({.common_name = common, .alternative_names = alternative}, &authority());
  };
  check_accepted(of("DNS:hooks.example.test"), "hooks.example.test", settings);
  check_accepted(of("DNS:*.example.test"), "hooks.example.test", settings);
  check_refused(of("DNS:*.example.test"), "a.b.example.test", "hostname mismatch", settings);
  check_refused(of("DNS:*.example.test"), "example.test", "hostname mismatch", settings);
  check_refused(of("DNS:h*s.example.test"), "hooks.example.test", "hostname mismatch", settings);
  check_refused(of("DNS:other.example.test"), "hooks.example.test", "hostname mismatch", settings);
  check_refused(of("IP:127.0.0.1"), "hooks.example.test", "hostname mismatch", settings);
  check_refused(of("", "hooks.example.test"), "hooks.example.test", "hostname mismatch", settings);
}

CAF_TEST(an address in the URL must be in the certificate as an address) {
  const auto of = [](const std::string& alternative) {
    return make_identity({.common_name = "127.0.0.1", .alternative_names = alternative}, &authority());
  };
  check_accepted(of("IP:127.0.0.1"), "127.0.0.1");
  check_refused(of("IP:127.0.0.2"), "127.0.0.1", "IP address mismatch");
  check_refused(of("DNS:127.0.0.1"), "127.0.0.1", "IP address mismatch");
  check_refused(of(""), "127.0.0.1", "IP address mismatch");
}

CAF_TEST(a certificate must be valid now and from a known authority) {
  identity_spec spec{.common_name = "localhost", .alternative_names = "DNS:localhost"};
  check_accepted(make_identity(spec, &authority()), "localhost");
  auto expired = spec;
  expired.valid_from = -7200;
  expired.valid_until = -60;
  check_refused(make_identity(expired, &authority()), "localhost", "certificate has expired");
  auto early = spec;
  early.valid_from = 3600;
  early.valid_until = 7200;
  check_refused(make_identity(early, &authority()), "localhost", "certificate is not yet valid");
  check_refused(make_identity(spec), "localhost", "self-signed certificate");
  const auto stranger = make_identity({.common_name = "Unknown CA", .authority = true});
  check_refused(make_identity(spec, &stranger), "localhost", "unable to get local issuer certificate");
  // A leaf of the known authority is no authority itself.
  const auto leaf = make_identity({.common_name = "leaf"}, &authority());
  check_refused(make_identity(spec, &leaf), "localhost", "unable to get local issuer certificate");
}

CAF_TEST(old versions of TLS are refused) {
  server receiver{localhost(), {.serve = answer, .configure = [](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  }}};
  client some;
  for (const bool insecure : {false, true}) {
    const auto result = some.post(receiver.url(), {.insecure = insecure});
    CAF_CHECK(result.error == failure_class::tls);
    CAF_CHECK(result.detail.find("protocol version") != std::string::npos);
  }
}

CAF_TEST(the name of the host is sent and an address is not) {
  std::mutex mutex;
  std::string name;
  bool none = false;
  server receiver{localhost(), {.serve = [&](peer& client) {
    {
      const std::lock_guard guard{mutex};
      const char* sent = SSL_get_servername(client.tls(), TLSEXT_NAMETYPE_host_name);
      name = sent == nullptr ? "" : sent;
      none = sent == nullptr;
    }
    answer(client);
  }}};
  client some;
  CAF_CHECK_EQUAL(some.post(receiver.url("LocalHost.")).status_code, 200);
  CAF_CHECK_EQUAL(name, "localhost");
  CAF_CHECK_EQUAL(some.post(receiver.url("127.0.0.1")).status_code, 200);
  CAF_CHECK(none);
}

CAF_TEST(a connection of an insecure subscription never serves a verifying one) {
  const auto self_signed = make_identity({.common_name = "x"});
  server receiver{self_signed, {.serve = answer}};
  client some;
  for (int i = 0; i < 5; ++i) {
    CAF_CHECK_EQUAL(some.post(receiver.url(), {.insecure = true}).status_code, 200);
    CAF_CHECK(some.post(receiver.url()).error == failure_class::tls);
  }
}

CAF_TEST(a session of an insecure subscription never serves a verifying one) {
  const auto self_signed = make_identity({.common_name = "x"});
  server receiver{self_signed, {.serve = [](peer& client) {
    client.read_request();
    client.answer(200, "", "Connection: close\r\n");
  }}};
  client some;
  for (int i = 0; i < 5; ++i) {
    CAF_CHECK_EQUAL(some.post(receiver.url(), {.insecure = true}).status_code, 200);
    CAF_CHECK(some.post(receiver.url()).error == failure_class::tls);
  }
  CAF_CHECK_EQUAL(receiver.resumed, 4);
}

CAF_TEST(an operator can forbid insecure subscriptions) {
  const auto self_signed = make_identity({.common_name = "x"});
  server receiver{self_signed, {.serve = answer}};
  client some{{}, std::make_shared<const egress_policy>(
                      egress_settings{.allow = {"127.0.0.0/8"}, .ports = {}, .allow_insecure_ssl = false})};
  CAF_CHECK(some.post(receiver.url(), {.insecure = true}).error == failure_class::tls);
}

CAF_TEST(sessions are resumed) {
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    server receiver{localhost(), {.serve = [](peer& client) {
                                    client.read_request();
                                    client.answer(200, "", "Connection: close\r\n");
                                  },
                                  .configure = [version](SSL_CTX* context) {
                                    SSL_CTX_set_max_proto_version(context, version);
                                  }}};
    client some;
    for (int i = 0; i < 20; ++i)
      CAF_CHECK_EQUAL(some.post(receiver.url()).status_code, 200);
    CAF_CHECK_EQUAL(receiver.handshakes, 20);
    CAF_CHECK_EQUAL(receiver.resumed, 19);
  }
}

CAF_TEST(a session dies with the trust that made it) {
  server receiver{localhost(), {.serve = [](peer& client) {
    client.read_request();
    client.answer(200, "", "Connection: close\r\n");
  }}};
  client some;
  CAF_CHECK_EQUAL(some.post(receiver.url()).status_code, 200);
  some.engine->reload(local_policy(), "");
  CAF_CHECK(some.post(receiver.url()).error == failure_class::tls);
  CAF_CHECK_EQUAL(receiver.resumed, 0);
}

CAF_TEST(early data is never sent) {
  std::atomic<int> early{0};
  server receiver{localhost(), {.serve = [&](peer& client) {
                                  if (SSL_get_early_data_status(client.tls()) != SSL_EARLY_DATA_NOT_SENT)
                                    ++early;
                                  client.read_request();
                                  client.answer(200, "", "Connection: close\r\n");
                                },
                                .configure = [](SSL_CTX* context) { SSL_CTX_set_max_early_data(context, 16384); }}};
  client some;
  for (int i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(some.post(receiver.url()).status_code, 200);
  CAF_CHECK_EQUAL(early, 0);
}

CAF_TEST(the next address is tried after a failed connect only) {
  dns_fixture::server names;
  server receiver{localhost(), {.serve = answer}};
  // 127.0.0.2 is nobody yet.
  names.set("two.example.test", {.addresses = {"127.0.0.2", "127.0.0.1"}});
  client some{with_names(names)};
  CAF_CHECK_EQUAL(some.post(receiver.url("two.example.test"), {.insecure = true}).status_code, 200);
  names.set("none.example.test", {.addresses = {"127.0.0.2", "127.0.0.3"}});
  const auto refused = some.post(receiver.url("none.example.test"));
  CAF_CHECK(refused.error == failure_class::connect);
  // A failed handshake ends the job: of two receivers under one name only one is tried.
  const auto accepted = receiver.accepted.load();
  server other{localhost(), {.serve = answer}, "127.0.0.2", receiver.port()};
  names.set("wrong.example.test", {.addresses = {"127.0.0.1", "127.0.0.2"}});
  CAF_CHECK(some.post(receiver.url("wrong.example.test")).error == failure_class::tls);
  CAF_CHECK_EQUAL(receiver.accepted + other.accepted, accepted + 1);
}

CAF_TEST(one forbidden address among several refuses the name) {
  dns_fixture::server names;
  server receiver{localhost(), {.serve = answer}};
  names.set("mixed.example.test", {.addresses = {"127.0.0.1", "10.0.0.1"}});
  names.set("mixed6.example.test", {.addresses = {"127.0.0.1", "fd00::1"}});
  client some{with_names(names)};
  for (auto name : {"mixed.example.test", "mixed6.example.test"}) {
    const auto result = some.post(receiver.url(name), {.insecure = true});
    CAF_CHECK(result.error == failure_class::egress);
    CAF_CHECK(!result.first_byte);
  }
  CAF_CHECK_EQUAL(receiver.accepted, 0);
}

CAF_TEST(names that cannot be resolved) {
  dns_fixture::server names;
  names.set("silent.example.test", {.silent = true});
  names.set("broken.example.test", {.code = 2});
  client some{with_names(names)};
  const auto unknown = some.post("https://unknown.example.test:1/");
  CAF_CHECK(unknown.error == failure_class::dns);
  CAF_CHECK_EQUAL(unknown.detail, "the name has no address");
  CAF_CHECK(some.post("https://broken.example.test:1/").error == failure_class::dns);
  const auto silent = some.post("https://silent.example.test:1/", {.deadline = std::chrono::milliseconds{300}});
  CAF_CHECK(silent.error == failure_class::timeout);
  CAF_CHECK_EQUAL(silent.detail, "the deadline passed while resolving the name");
}
