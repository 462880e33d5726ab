#define CAF_SUITE http_server
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "http_server_fixture.hpp"

#include <vector>

using namespace http_server_test;

CAF_TEST_FIXTURE_SCOPE(http_server_tests, server_fixture)

CAF_TEST(every_framing_that_could_be_read_in_two_ways_is_400_and_the_end) {
  start();
  const std::string host = "Host: a\r\n";
  const std::vector<std::string> requests{
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 3, 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\n" + host + "X: 1\r\n Content-Length: 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\n" + host + "Content-Length : 3\r\n\r\nabc",
      "GET / HTTP/1.1\r\n" + host + host + "\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "get / HTTP/1.1\r\n" + host + "\r\n",
      "GET /%00 HTTP/1.1\r\n" + host + "\r\n",
      "GET / HTTP/1.1\n" + host + "\n",
      "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00", 5),
  };
  for (const auto& request : requests) {
    CAF_MESSAGE(request);
    raw_client client{url};
    client.send(request + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = client.answer();
    CAF_CHECK_EQUAL(status_of(answer), 400);
    CAF_CHECK(contains(answer, "Connection: close\r\n"));
    ::shutdown(client.descriptor(), SHUT_WR);
    CAF_CHECK(client.closed());
  }
  CAF_CHECK_EQUAL(service->handled.load(), 0);
}

CAF_TEST(what_was_judged_at_the_head_holds_only_when_the_body_came_with_it) {
  start();
  raw_client client{url};
  client.send("GET /judged HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "just now"));
  client.send("POST /judged HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  CAF_CHECK(contains(client.answer(), "just now"));
  client.send("POST /judged HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "100 Continue"));
  client.send("abc");
  CAF_CHECK(contains(client.answer(), "before"));
  client.send("POST /judged HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "before"));
}

CAF_TEST(a_connection_serves_many_requests_in_order) {
  start();
  raw_client client{url};
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
              "\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=\"y\"\r\nab\r\n"
              "1\r\nc\r\n0\r\nX-Trailer: 1\r\nContent-Type: x\r\n\r\nGET /4 HT");
  const auto first = client.answer();
  CAF_CHECK(contains(first, "GET /1  from 127.0.0.1"));
  CAF_CHECK(!contains(first, "Connection:"));
  CAF_CHECK(contains(client.answer(), "POST /2 abc from"));
  const auto third = client.answer();
  CAF_CHECK(contains(third, "POST /3 abc from"));
  CAF_CHECK(contains(third, "trailer none"));
  client.send("TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto last = client.answer();
  CAF_CHECK(contains(last, "GET /4"));
  CAF_CHECK(contains(last, "Connection: close\r\n"));
  CAF_CHECK(client.closed());
  CAF_CHECK_EQUAL(service->answered.load(), 4);
}

CAF_TEST(a_burst_is_answered_in_order_though_one_of_it_waits) {
  start();
  raw_client client{url};
  std::string burst;
  for (const auto* path : {"/1", "/wait", "/3", "/large", "/5"})
    burst += "GET " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(burst + "GET /6 HTTP/1.1\r\nHost: a\r\n");
  // What was before the one that waits doesn't wait for it.
  CAF_CHECK(contains(client.answer(), "GET /1 "));
  CAF_REQUIRE(eventually([this] { return service->waiting == 1; }));
  // Nor does anybody else, and what comes from others leaves what is unread of the burst as it is.
  raw_client other{url};
  other.send("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'x'));
  CAF_CHECK(contains(other.answer(), "POST /other x"));
  service->release = true;
  CAF_CHECK(contains(client.answer(), "GET /wait "));
  CAF_CHECK(contains(client.answer(), "GET /3 "));
  CAF_CHECK(client.answer().size() > 3'000'000);
  CAF_CHECK(contains(client.answer(), "GET /5 "));
  client.send("\r\n");
  CAF_CHECK(contains(client.answer(), "GET /6 "));
  CAF_CHECK_EQUAL(service->answered.load(), 7);
}

CAF_TEST(a_client_that_goes_while_its_request_is_handled_harms_nobody) {
  start();
  {
    raw_client gone{url};
    gone.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    CAF_REQUIRE(eventually([this] { return service->waiting == 1; }));
    const linger at_once{1, 0};
    ::setsockopt(gone.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  service->release = true;
  CAF_CHECK(eventually([this] { return service->waiting == 0 && server->connections() == 0; }));
  raw_client client{url};
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "GET /1 "));
}

CAF_TEST(http_1_0_closes_unless_asked_not_to) {
  start();
  raw_client client{url};
  client.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "Connection: keep-alive\r\n"));
  client.send("GET /2 HTTP/1.0\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "Connection: close\r\n"));
  CAF_CHECK(client.closed());
}

CAF_TEST(answers_carry_the_servers_own_fields_and_no_injected_ones) {
  start();
  raw_client client{url};
  client.send("GET /inject HTTP/1.1\r\nHost: a\r\n\r\nGET /inject HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto one = client.answer(), two = client.answer();
  const auto id = [](const std::string& answer) {
    return answer.substr(answer.find("X-Request-Id: ") + 14, 32);
  };
  CAF_CHECK(id(one) != id(two));
  CAF_CHECK(contains(one, "\r\nDate: "));
  CAF_CHECK(contains(one, " GMT\r\n"));
  CAF_CHECK(contains(one, "\r\nX-Good: 1\r\n"));
  CAF_CHECK(contains(one, "\r\nContent-Length: 2\r\n"));
  CAF_CHECK(!contains(one, "Injected"));
  CAF_CHECK(!contains(one, "content-length: 0"));
  CAF_CHECK(!contains(one, "mine"));
}

CAF_TEST(head_is_get_without_the_body) {
  start();
  raw_client client{url};
  client.send("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK(contains(client.answer(true), "Content-Length: 3000000\r\n"));
  CAF_CHECK_EQUAL(status_of(client.answer()), 200);
  client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto empty = client.answer();
  CAF_CHECK_EQUAL(status_of(empty), 204);
  CAF_CHECK(!contains(empty, "Content-Length"));
  CAF_CHECK(client.answer().size() > 3'000'000);
}

CAF_TEST(absolute_targets_replace_the_host) {
  start();
  raw_client client{url};
  client.send("GET http://other:1/x HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK(contains(client.answer(), "GET /x  from 127.0.0.1 host other:1"));
}

CAF_TEST(a_body_over_the_limit_is_413_before_it_was_sent) {
  start();
  for (const auto* framing : {"Content-Length: 1001\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e9\r\n"}) {
    CAF_MESSAGE(framing);
    raw_client client{url};
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string{framing});
    CAF_CHECK_EQUAL(status_of(client.answer()), 413);
  }
  raw_client client{url};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  CAF_CHECK_EQUAL(status_of(client.answer()), 200);
  CAF_CHECK_EQUAL(service->handled.load(), 1);
}

CAF_TEST(a_chunked_body_that_is_mostly_framing_is_400) {
  start();
  raw_client wide{url};
  wide.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x'));
  CAF_CHECK_EQUAL(status_of(wide.answer()), 400);
}

CAF_TEST(who_sends_a_refused_body_to_its_end_still_sees_the_answer) {
  start();
  for (const auto* path : {"/refused", "/too-large"}) {
    raw_client client{url};
    client.send("POST " + std::string{path} + " HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
    // More than both sockets' buffers hold, so that the server must have gone on reading.
    CAF_CHECK(client.send(std::string(8'000'000, 'x')));
    CAF_CHECK_EQUAL(status_of(client.answer()), path == std::string{"/refused"} ? 401 : 413);
    ::shutdown(client.descriptor(), SHUT_WR);
    CAF_CHECK(client.closed());
  }
}

CAF_TEST(a_refusal_without_a_body_keeps_the_connection) {
  start();
  raw_client client{url};
  client.send("GET /refused HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(client.answer()), 401);
  CAF_CHECK_EQUAL(status_of(client.answer()), 200);
}

CAF_TEST(the_head_is_judged_before_100_continue) {
  start();
  const auto ask = [this](const std::string& path, const std::string& length, const std::string& expect) {
    auto client = std::make_unique<raw_client>(url);
    client->send("POST " + path + " HTTP/1.1\r\nHost: a\r\nExpect: " + expect +
                 "\r\nContent-Length: " + length + "\r\n\r\n");
    return client;
  };
  auto good = ask("/x", "3", "100-continue");
  CAF_CHECK_EQUAL(good->answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  good->send("abc");
  CAF_CHECK(contains(good->answer(), "POST /x abc"));
  CAF_CHECK_EQUAL(status_of(ask("/refused", "3", "100-continue")->answer()), 401);
  CAF_CHECK_EQUAL(status_of(ask("/x", "1001", "100-continue")->answer()), 413);
  CAF_CHECK_EQUAL(status_of(ask("/x", "3", "the-moon")->answer()), 417);
}

CAF_TEST(a_long_head_is_431) {
  settings.max_header = 4096;
  start();
  raw_client client{url};
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x'));
  CAF_CHECK_EQUAL(status_of(client.answer()), 431);
  raw_client whole{url};
  whole.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(whole.answer()), 431);
  raw_client fits{url};
  fits.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4000, 'x') + "\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(fits.answer()), 200);
}

CAF_TEST(a_slow_head_is_408_however_it_trickles) {
  settings.header_timeout = 300ms;
  start();
  raw_client client{url};
  std::atomic<bool> done{false};
  std::thread trickle{[&] {
    client.send("GET / HTTP/1.1\r\nX-Slow: ");
    while (!done && client.send("x"))
      std::this_thread::sleep_for(20ms);
  }};
  const auto answer = client.answer();
  done = true;
  trickle.join();
  CAF_CHECK_EQUAL(status_of(answer), 408);
  ::shutdown(client.descriptor(), SHUT_WR);
  CAF_CHECK(client.closed());
}

CAF_TEST(a_slow_body_is_408) {
  settings.body_timeout = 300ms;
  start();
  raw_client client{url};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  CAF_CHECK_EQUAL(status_of(client.answer()), 408);
}

CAF_TEST(silent_connections_are_closed_without_a_word) {
  settings.header_timeout = 200ms;
  settings.idle_timeout = 200ms;
  start();
  raw_client silent{url};
  CAF_CHECK(silent.closed());
  raw_client idle{url};
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(idle.answer()), 200);
  CAF_CHECK(idle.closed());
  CAF_CHECK(eventually([this] { return server->connections() == 0; }));
}

CAF_TEST(a_client_that_does_not_read_is_let_go) {
  settings.body_timeout = 300ms;
  start();
  raw_client client{url};
  for (int i = 0; i < 10; ++i)
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_REQUIRE(eventually([this] { return service->handled > 0; }));
  CAF_CHECK(eventually([this] { return server->connections() == 0; }));
}

CAF_TEST(connections_over_the_cap_are_told_so) {
  settings.max_connections = 2;
  start();
  raw_client one{url}, two{url};
  CAF_REQUIRE(eventually([this] { return server->connections() == 2; }));
  {
    raw_client three{url};
    CAF_CHECK_EQUAL(status_of(three.answer()), 503);
    ::shutdown(three.descriptor(), SHUT_WR);
    CAF_CHECK(three.closed());
  }
  one.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(one.answer()), 200);
  CAF_CHECK(one.closed());
  ::shutdown(one.descriptor(), SHUT_RDWR);
  CAF_CHECK(eventually([this] { return server->connections() == 1; }));
  raw_client four{url};
  four.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK_EQUAL(status_of(four.answer()), 200);
}

CAF_TEST(what_the_service_throws_is_500) {
  start();
  raw_client client{url};
  client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\nGET /throw-head HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = client.answer();
  CAF_CHECK_EQUAL(status_of(answer), 500);
  CAF_CHECK(!contains(answer, "planned"));
  CAF_CHECK_EQUAL(status_of(client.answer()), 500);
}

CAF_TEST(a_service_may_drop_the_connection) {
  start();
  raw_client client{url};
  client.send("GET /drop HTTP/1.1\r\nHost: a\r\n\r\n");
  CAF_CHECK(client.gone());
}

CAF_TEST(forwarded_addresses_count_from_trusted_proxies_only) {
  const auto remote = [](const std::string& to, const std::string& fields) {
    raw_client client{to};
    client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
    const auto answer = client.answer();
    const auto from = answer.find(" from ") + 6;
    return answer.substr(from, answer.find(' ', from) - from);
  };
  server_fixture untrusting;
  untrusting.start();
  CAF_CHECK_EQUAL(remote(untrusting.url, "X-Forwarded-For: 1.2.3.4\r\n"), "127.0.0.1");
  settings.trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8", "fd00::/8"};
  start();
  CAF_CHECK_EQUAL(remote(url, ""), "127.0.0.1");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"), "1.2.3.4");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1,fd00::1\r\n"), "1.2.3.4");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 1.2.3.4:99\r\n"), "1.2.3.4");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: [2001:4860::1]:99\r\n"), "2001:4860::1");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: 1.2.3.4, unknown, 10.1.1.1\r\n"), "10.1.1.1");
  CAF_CHECK_EQUAL(remote(url, "X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4");
}

CAF_TEST(what_cannot_be_used_is_named) {
  const auto problem = [this](const http_server_settings& with) {
    try {
      http_server refused{with, service};
      return std::string{};
    } catch (const std::runtime_error& error) {
      return std::string{error.what()};
    }
  };
  start();
  auto wrong = settings;
  wrong.listeners = {{url.substr(7), listener_role::all}};
  CAF_CHECK(contains(problem(wrong), url.substr(7) + ": Address already in use"));
  for (const auto* address :
       {"127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "nowhere:80", "::1:80", "[::1]", ""}) {
    wrong.listeners = {{address, listener_role::all}};
    CAF_CHECK(contains(problem(wrong), "can't listen on \"" + std::string{address} + "\""));
  }
  for (const auto* cidr : {"10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129"}) {
    wrong = settings;
    wrong.trusted_proxies = {cidr};
    CAF_CHECK(contains(problem(wrong), cidr));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
