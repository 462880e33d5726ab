#define CAF_SUITE delivery_engine
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/delivery_fixture.hpp"

using namespace delivery_fixture;
using tls_fixture::peer;

namespace {

/// A server on the usual certificate; `serve` gets the server too.
struct receiver {
  explicit receiver(std::function<void(peer&, receiver&)> serve, std::function<void(SSL_CTX*)> configure = {})
      : server{localhost(), {.serve = [this, serve](peer& client) { serve(client, *this); }, .configure = configure}} {}

  std::atomic<int> requests{0};
  std::mutex mutex;
  std::vector<std::string> seen; ///< guarded by the mutex
  tls_fixture::server server;
};

void answer_everything(peer& client, receiver& self) {
  while (const auto request = client.read_request()) {
    ++self.requests;
    {
      const std::lock_guard guard{self.mutex};
      self.seen.push_back(*request);
    }
    if (!client.answer(200))
      return;
  }
}

} // namespace

CAF_TEST(a request goes out as specified and its answer comes back) {
  receiver other{answer_everything};
  client some;
  const auto before = boot_clock::now();
  const auto result = some.post(other.server.url() + "?a=b", {.headers = "webhook-id: msg_1\r\nX-A: b\r\n", .body = "{}"});
  CAF_CHECK_EQUAL(result.detail, "");
  CAF_CHECK(result.state == notification_state::delivered);
  CAF_CHECK_EQUAL(result.status_code, 200);
  CAF_CHECK(result.error == failure_class::none);
  CAF_CHECK_EQUAL(result.response_excerpt, "ok");
  CAF_REQUIRE(result.first_byte);
  CAF_CHECK(*result.first_byte >= before);
  CAF_CHECK(result.ended >= *result.first_byte);
  CAF_CHECK(result.timing.dns && result.timing.connect && result.timing.tls && result.timing.response);
  CAF_REQUIRE_EQUAL(other.seen.size(), 1u);
  CAF_CHECK_EQUAL(other.seen[0], "POST /hook?a=b HTTP/1.1\r\nHost: localhost:" + std::to_string(other.server.port()) +
                                     "\r\nUser-Agent: Carillon/" CARILLON_VERSION
                                     "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                                     "webhook-id: msg_1\r\nX-A: b\r\n\r\n{}");
}

CAF_TEST(connections are kept and used again) {
  receiver other{answer_everything};
  client some;
  for (int i = 0; i < 50; ++i) {
    const auto result = some.post(other.server.url());
    CAF_CHECK(result.state == notification_state::delivered);
    CAF_CHECK_EQUAL(result.timing.tls.has_value(), i == 0);
  }
  CAF_CHECK_EQUAL(other.server.accepted, 1);
  CAF_CHECK_EQUAL(other.requests, 50);
  CAF_CHECK_EQUAL(some.engine->connections(), 1u);
}

CAF_TEST(a status other than 2xx is a rejection) {
  for (int status : {199 + 1, 201, 204, 299, 300, 301, 302, 304, 400, 404, 410, 500, 599}) {
    receiver other{[status](peer& client, receiver&) {
      while (client.read_request())
        if (status == 204 || status == 304)
          client.write("HTTP/1.1 " + std::to_string(status) + " X\r\nLocation: https://localhost/\r\n\r\n");
        else
          client.answer(status, "body", "Location: https://localhost/elsewhere\r\n");
    }};
    client some;
    const auto result = some.post(other.server.url());
    CAF_CHECK_EQUAL(result.status_code, status);
    CAF_CHECK(result.state == (status < 300 ? notification_state::delivered : notification_state::rejected));
    CAF_CHECK(result.error == failure_class::none);
    CAF_CHECK_EQUAL(other.server.accepted, 1);
  }
}

CAF_TEST(retry after is read from 429 and 503 only) {
  for (int status : {200, 400, 429, 503}) {
    receiver other{[status](peer& client, receiver&) {
      client.read_request();
      client.answer(status, "", "Retry-After: 120\r\n");
    }};
    client some;
    const auto result = some.post(other.server.url());
    CAF_CHECK_EQUAL(result.retry_after.value_or(0), status == 429 || status == 503 ? 120u : 0u);
  }
}

CAF_TEST(large bodies arrive whole) {
  receiver other{answer_everything};
  client some;
  const std::string body(5'000'000, 'b');
  CAF_CHECK(some.post(other.server.url(), {.body = body}).state == notification_state::delivered);
  CAF_CHECK(some.post(other.server.url()).state == notification_state::delivered);
  const std::lock_guard guard{other.mutex};
  CAF_REQUIRE_EQUAL(other.seen.size(), 2u);
  CAF_CHECK(other.seen[0].ends_with("\r\n\r\n" + body));
}

CAF_TEST(an answer that closes the connection ends its use) {
  for (const std::string& answer : {std::string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
                                    std::string{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
                                    std::string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"},
                                    std::string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}}) {
    receiver other{[answer](peer& client, receiver& self) {
      while (client.read_request()) {
        ++self.requests;
        client.write(answer);
      }
    }};
    client some;
    for (int i = 0; i < 3; ++i)
      CAF_CHECK(some.post(other.server.url()).status_code != 0);
    CAF_CHECK_EQUAL(other.requests, 3);
    CAF_CHECK_EQUAL(other.server.accepted, 3);
  }
}

CAF_TEST(a body without length ends with the connection) {
  receiver other{[](peer& client, receiver&) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    SSL_shutdown(client.tls());
  }};
  client some;
  const auto result = some.post(other.server.url());
  CAF_CHECK(result.state == notification_state::delivered);
  CAF_CHECK_EQUAL(result.response_excerpt, "until the end");
}

CAF_TEST(a connection closed between two requests is replaced and no request is doubled) {
  for (const bool politely : {true, false}) {
    receiver other{[politely](peer& client, receiver& self) {
      if (client.read_request()) {
        ++self.requests;
        client.answer(200);
        if (politely)
          SSL_shutdown(client.tls());
      }
    }};
    client some;
    for (int i = 0; i < 20; ++i) {
      CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
      CAF_CHECK(eventually([&] { return some.engine->connections() == 0; }));
    }
    CAF_CHECK_EQUAL(other.requests, 20);
    CAF_CHECK_EQUAL(other.server.accepted, 20);
  }
}

CAF_TEST(in the race with a closing receiver a request is made once or fails) {
  receiver other{[](peer& client, receiver& self) {
    if (client.read_request()) {
      ++self.requests;
      client.answer(200);
    }
  }};
  client some;
  int answered = 0, failed = 0;
  for (int i = 0; i < 300; ++i) {
    const auto result = some.post(other.server.url());
    if (result.status_code == 200) {
      ++answered;
    } else {
      ++failed;
      CAF_CHECK(result.error == failure_class::protocol);
      CAF_CHECK(result.first_byte);
    }
  }
  CAF_CHECK_EQUAL(answered + failed, 300);
  CAF_CHECK_EQUAL(other.requests, answered);
}

CAF_TEST(a passed deadline sends nothing) {
  receiver other{answer_everything};
  client some;
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  for (int i = 0; i < 5; ++i) {
    const auto result = some.post(other.server.url(), {.deadline = std::chrono::milliseconds{-i}});
    CAF_CHECK(result.state == notification_state::failed);
    CAF_CHECK(result.error == failure_class::timeout);
    CAF_CHECK(!result.first_byte);
  }
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  CAF_CHECK_EQUAL(other.requests, 2);
}

CAF_TEST(addresses are judged when the connection is made) {
  receiver other{answer_everything};
  for (const bool insecure : {false, true})
    for (const auto* host : {"localhost", "127.0.0.1"}) {
      client strict{{}, std::make_shared<const egress_policy>(egress_settings{.ports = {}})};
      const auto result = strict.post(other.server.url(host), {.insecure = insecure});
      CAF_CHECK(result.error == failure_class::egress);
      CAF_CHECK(result.detail.find("not allowed") != std::string::npos);
      CAF_CHECK(!result.first_byte);
    }
  client ports{{}, std::make_shared<const egress_policy>(egress_settings{.allow = {"127.0.0.0/8"}})};
  CAF_CHECK(ports.post(other.server.url()).error == failure_class::egress);
  CAF_CHECK_EQUAL(other.server.accepted, 0);
}

CAF_TEST(a new policy holds for the next job and drops what was open) {
  receiver other{answer_everything};
  client some;
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  some.engine->reload(std::make_shared<const egress_policy>(egress_settings{.ports = {}}), some.ca_file());
  CAF_CHECK(some.post(other.server.url()).error == failure_class::egress);
  CAF_CHECK(eventually([&] { return some.engine->connections() == 0; }));
  some.engine->reload(local_policy(), some.ca_file());
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  some.engine->reload(local_policy(), "");
  CAF_CHECK(some.post(other.server.url()).error == failure_class::tls);
  const tls_fixture::temporary_file nonsense{"no certificate\n"};
  for (const auto& path : {nonsense.path(), std::string{"/nonexistent/ca.pem"}}) {
    std::string why;
    try {
      some.engine->reload(local_policy(), path);
    } catch (const std::runtime_error& error) {
      why = error.what();
    }
    CAF_CHECK(why.find(path) != std::string::npos);
  }
  CAF_CHECK_EQUAL(other.requests, 2);
}

CAF_TEST(idle connections are dropped in time) {
  receiver other{answer_everything};
  client some{{.idle_timeout = std::chrono::milliseconds{50}, .nameservers = {}, .extra_ca_file = {}}};
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  CAF_CHECK(eventually([&] { return some.engine->connections() == 0; }));
  CAF_CHECK_EQUAL(some.post(other.server.url()).status_code, 200);
  CAF_CHECK_EQUAL(other.server.accepted, 2);
}

CAF_TEST(ten thousand jobs have exactly one outcome each) {
  receiver other{[](peer& client, receiver& self) {
    while (client.read_request()) {
      // Some connections break off now and then.
      if (++self.requests % 97 == 0)
        return;
      client.answer(self.requests % 5 == 0 ? 500 : 200);
    }
  }};
  client some;
  const int rounds = 200, each = 50;
  std::size_t submitted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<delivery_job> jobs;
    for (int i = 0; i < each; ++i)
      jobs.push_back(some.job(other.server.url(), {.deadline = std::chrono::milliseconds{60'000}}));
    submitted += jobs.size();
    some.engine->submit(std::move(jobs));
    CAF_REQUIRE(some.wait_for_all(submitted)); // no more connections at a time than a caller allows per origin
  }
  const auto seen = some.seen();
  CAF_CHECK_EQUAL(seen.size(), static_cast<std::size_t>(rounds * each));
  CAF_CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& entry) { return entry.second == 1; }));
  CAF_CHECK_EQUAL(other.requests, rounds * each);
}

CAF_TEST(the end of the engine ends its jobs) {
  receiver other{[](peer& client, receiver& self) {
    client.read_request();
    ++self.requests;
    client.wait_for_end();
  }};
  client some;
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 10; ++i)
    tokens.push_back(some.submit(other.server.url(), {.deadline = std::chrono::minutes{5}}));
  CAF_CHECK(eventually([&] { return other.requests == 10; }));
  for (int i = 0; i < 10; ++i)
    tokens.push_back(some.submit(other.server.url(), {.deadline = std::chrono::minutes{5}}));
  some.engine.reset();
  for (auto token : tokens) {
    const auto result = some.wait(token);
    CAF_CHECK(result.state == notification_state::failed);
    CAF_CHECK(result.error == failure_class::timeout);
    CAF_CHECK_EQUAL(result.detail, "shutting down");
  }
}
