#define CAF_SUITE http_server_stop
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "http_server_fixture.hpp"

using namespace http_server_test;

CAF_TEST_FIXTURE_SCOPE(http_server_stop_tests, server_fixture)

CAF_TEST(stopping_closes_idle_connections_and_half_sent_heads_at_once) {
  settings.threads = 2;
  start();
  raw_client fresh{url}, idle{url}, half{url};
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(idle.answer()), 200);
  half.send("GET / HTTP/1.1\r\nHo");
  CAF_REQUIRE(eventually([this] { return server->connections() == 3; }));
  const auto began = std::chrono::steady_clock::now();
  server->stop(60s);
  CAF_CHECK(std::chrono::steady_clock::now() - began < 30s);
  CAF_CHECK(fresh.gone());
  CAF_CHECK(idle.gone());
  CAF_CHECK(half.gone());
  CAF_CHECK_EQUAL(server->connections(), 0u);
  CAF_CHECK(!listens(url));
}

CAF_TEST(stopping_lets_requests_finish) {
  start();
  raw_client client{url}, sending{url};
  client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  sending.send("POST /sent HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CAF_CHECK(contains(sending.answer(), "100 Continue"));
  CAF_REQUIRE(eventually([this] { return service->waiting == 1; }));
  std::thread stopper{[this] { server->stop(60s); }};
  // The listener is closed first; from then on the server is stopping.
  CAF_CHECK(eventually([this] { return !listens(url); }));
  sending.send("abc");
  const auto sent = sending.answer();
  CAF_CHECK(contains(sent, "POST /sent abc"));
  CAF_CHECK(contains(sent, "Connection: close\r\n"));
  service->release = true;
  const auto answer = client.answer();
  CAF_CHECK(contains(answer, "GET /wait"));
  CAF_CHECK(contains(answer, "Connection: close\r\n"));
  stopper.join();
  CAF_CHECK(client.gone());
  CAF_CHECK_EQUAL(service->handled.load(), 2);
}

CAF_TEST(the_grace_ends_what_does_not_end) {
  start();
  raw_client forever{url}, half{url}, slow{url};
  forever.send("GET /forever HTTP/1.1\r\nHost: a\r\n\r\n");
  half.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_REQUIRE(eventually([this] { return service->waiting == 1 && server->connections() == 3; }));
  server->stop(50ms);
  server.reset();
  CAF_CHECK(forever.gone());
  CAF_CHECK(half.gone());
}

CAF_TEST(a_server_that_was_never_started_can_go) {
  settings.listeners = {{"127.0.0.1:0", listener_role::all}, {"[::1]:0", listener_role::admin}};
  http_server unused{settings, service};
  CAF_CHECK_EQUAL(unused.urls().size(), 2u);
  CAF_CHECK(unused.urls().back().starts_with("http://[::1]:"));
}

CAF_TEST_FIXTURE_SCOPE_END()
