#define CAF_SUITE delivery_engine_hostile
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/delivery_fixture.hpp"

using namespace delivery_fixture;
using tls_fixture::peer;
using tls_fixture::server;
using tls_fixture::server_script;

namespace {

constexpr post_options soon() { return {.deadline = std::chrono::milliseconds{400}}; }

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds{2}); }

void reset_now(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// Posts twice to a receiver that behaves so: whatever happens, each job ends once and no request comes twice.
struct trial {
  trial(server_script script, post_options options = {}) : receiver{localhost(), std::move(script)} {
    client some;
    first = some.post(receiver.url(), options);
    second = some.post(receiver.url(), options);
    some.engine.reset();
    for (auto [token, count] : some.seen())
      CAF_CHECK_EQUAL(count, 1);
  }
  server receiver;
  delivery_result first, second;
};

void check_failed(const delivery_result& result, failure_class expected, bool written) {
  CAF_MESSAGE(domain::to_string(result.error) << ": " << result.detail);
  CAF_CHECK(result.state == notification_state::failed);
  CAF_CHECK_EQUAL(static_cast<int>(result.error), static_cast<int>(expected));
  CAF_CHECK_EQUAL(result.first_byte.has_value(), written);
  CAF_CHECK_EQUAL(result.status_code, 0);
  CAF_CHECK(!result.detail.empty());
  CAF_CHECK(result.detail.size() <= 200);
}

} // namespace

CAF_TEST(nobody listens) {
  std::string url;
  {
    server gone{localhost(), {}};
    url = gone.url();
  }
  client some;
  const auto result = some.post(url);
  check_failed(result, failure_class::connect, false);
  CAF_CHECK(result.detail.find("connection refused by 127.0.0.1:") != std::string::npos);
}

CAF_TEST(a reset before TLS) {
  trial t{{.before_tls = [](int fd) {
    reset_now(fd);
    return false;
  }}};
  // The reset may arrive so early that connect() itself fails.
  CAF_CHECK(t.first.error == failure_class::tls || t.first.error == failure_class::connect);
  CAF_CHECK(!t.first.first_byte);
}

CAF_TEST(the end of the connection before TLS) {
  trial t{{.before_tls = [](int fd) {
    char hello[64];
    return recv(fd, hello, sizeof hello, 0) < 0; // unread rest: the kernel resets
  }}};
  check_failed(t.first, failure_class::tls, false);
}

CAF_TEST(something else than TLS) {
  trial t{{.before_tls = [](int fd) {
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char hello[4096];
    (void)recv(fd, hello, sizeof hello, 0);
    (void)send(fd, text.data(), text.size(), 0);
    return false;
  }}};
  check_failed(t.first, failure_class::tls, false);
}

CAF_TEST(a stall in TLS ends with the deadline) {
  trial t{{.before_tls = [](int fd) {
            char hello[4096];
            while (recv(fd, hello, sizeof hello, 0) > 0) {
            }
            return false;
          }},
          soon()};
  check_failed(t.first, failure_class::timeout, false);
  CAF_CHECK_EQUAL(t.first.detail, "the deadline passed in the TLS handshake");
}

CAF_TEST(a reset right after the handshake) {
  std::atomic<int> requests{0};
  trial t{{.serve = [](peer& client) { client.reset_on_close(); }}, {.body = std::string(100'000, 'x')}};
  check_failed(t.first, failure_class::protocol, true);
}

CAF_TEST(a reset after the request) {
  std::atomic<int> requests{0};
  trial t{{.serve = [&](peer& client) {
    if (client.read_request())
      ++requests;
    client.reset_on_close();
  }}};
  check_failed(t.first, failure_class::protocol, true);
  check_failed(t.second, failure_class::protocol, true);
  CAF_CHECK_EQUAL(requests, 2);
  CAF_CHECK_EQUAL(t.receiver.accepted, 2);
}

CAF_TEST(a reset within the head) {
  std::atomic<int> requests{0};
  trial t{{.serve = [&](peer& client) {
    if (client.read_request())
      ++requests;
    client.write("HTTP/1.1 200 OK\r\nContent-Le");
    client.reset_on_close();
  }}};
  check_failed(t.first, failure_class::protocol, true);
  CAF_CHECK_EQUAL(requests, 2);
}

CAF_TEST(a polite end without an answer) {
  std::atomic<int> requests{0};
  trial t{{.serve = [&](peer& client) {
    if (client.read_request())
      ++requests;
    SSL_shutdown(client.tls());
  }}};
  check_failed(t.first, failure_class::protocol, true);
  CAF_CHECK_EQUAL(t.first.detail, "the connection ended without an answer");
  CAF_CHECK_EQUAL(requests, 2);
}

CAF_TEST(a body that breaks off does not take the answer back) {
  trial t{{.serve = [](peer& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    client.reset_on_close();
  }}};
  CAF_CHECK(t.first.state == notification_state::delivered);
  CAF_CHECK_EQUAL(t.receiver.accepted, 2);
}

CAF_TEST(a request that is never answered) {
  std::atomic<int> requests{0};
  trial t{{.serve = [&](peer& client) {
            if (client.read_request())
              ++requests;
            client.wait_for_end();
          }},
          soon()};
  check_failed(t.first, failure_class::timeout, true);
  CAF_CHECK_EQUAL(requests, 2);
}

CAF_TEST(a receiver that never reads) {
  trial t{{.serve = [](peer& client) {
            while (!client.stopping)
              pause();
          }},
          {.deadline = std::chrono::milliseconds{400}, .body = std::string(30'000'000, 'x')}};
  check_failed(t.first, failure_class::timeout, true);
  CAF_CHECK_EQUAL(t.first.detail, "the deadline passed while writing the request");
}

CAF_TEST(an early answer while the request is being written) {
  trial t{{.serve = [](peer& client) {
            char some[1024];
            SSL_read(client.tls(), some, sizeof some);
            client.answer(413, "too large", "Connection: close\r\n");
            client.wait_for_end();
          }},
          {.body = std::string(30'000'000, 'x')}};
  CAF_CHECK_EQUAL(t.first.status_code, 413);
  CAF_CHECK_EQUAL(t.receiver.accepted, 2);
}

CAF_TEST(a head that comes byte by byte) {
  trial t{{.serve = [](peer& client) {
            client.read_request();
            client.write("HTTP/1.1 200 OK\r\nX: ");
            while (client.write("a"))
              pause();
          }},
          soon()};
  check_failed(t.first, failure_class::timeout, true);
}

CAF_TEST(a whole answer that comes byte by byte) {
  trial t{{.serve = [](peer& client) {
    while (client.read_request())
      for (char c : std::string{"HTTP/1.1 202 Fine\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n"})
        client.write({c});
  }}};
  CAF_CHECK_EQUAL(t.first.status_code, 202);
  CAF_CHECK_EQUAL(t.first.response_excerpt, "ok");
  CAF_CHECK_EQUAL(t.receiver.accepted, 1);
}

CAF_TEST(a body that comes byte by byte is cut at the deadline) {
  trial t{{.serve = [](peer& client) {
            client.read_request();
            client.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
            while (client.write("a"))
              pause();
          }},
          soon()};
  CAF_CHECK(t.first.state == notification_state::delivered);
  CAF_CHECK(t.first.response_excerpt.starts_with("aa"));
  CAF_CHECK_EQUAL(t.receiver.accepted, 2);
}

CAF_TEST(interim answers without end) {
  trial t{{.serve = [](peer& client) {
    client.read_request();
    while (client.write("HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n")) {
    }
  }}};
  check_failed(t.first, failure_class::protocol, true);
  trial slow{{.serve = [](peer& client) {
               client.read_request();
               while (client.write("HTTP/1.1 100 Continue\r\n\r\n"))
                 std::this_thread::sleep_for(std::chrono::milliseconds{50});
             }},
             soon()};
  check_failed(slow.first, failure_class::timeout, true);
}

CAF_TEST(some interim answers before the final one) {
  trial t{{.serve = [](peer& client) {
    while (client.read_request()) {
      client.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n");
      client.answer(200);
    }
  }}};
  CAF_CHECK_EQUAL(t.first.status_code, 200);
  CAF_CHECK_EQUAL(t.receiver.accepted, 1);
}

CAF_TEST(chunks without end) {
  std::atomic<std::size_t> written{0};
  trial t{{.serve = [&](peer& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (client.write("5\r\nhello\r\n"))
      written += 10;
  }}};
  CAF_CHECK(t.first.state == notification_state::delivered);
  CAF_CHECK_EQUAL(t.first.response_excerpt.size(), 1024u);
  CAF_CHECK_EQUAL(t.receiver.accepted, 2);
}

CAF_TEST(a chunk extension without end) {
  trial t{{.serve = [](peer& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;");
    while (client.write(std::string(1000, 'x'))) {
    }
  }}};
  CAF_CHECK(t.first.state == notification_state::delivered);
}

CAF_TEST(a head without end) {
  trial t{{.serve = [](peer& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\n");
    while (client.write("X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n")) {
    }
  }}};
  check_failed(t.first, failure_class::protocol, true);
  CAF_CHECK_EQUAL(t.first.detail, "the answer's header is too long");
}

CAF_TEST(a body of gigabytes is not read) {
  std::atomic<std::size_t> written{0};
  trial t{{.serve = [&](peer& client) {
    client.read_request();
    client.write("HTTP/1.1 500 No\r\nContent-Length: 8000000000\r\n\r\n");
    const std::string piece(65536, 'z');
    while (client.write(piece))
      written += piece.size();
  }}};
  CAF_CHECK(t.first.state == notification_state::rejected);
  CAF_CHECK_EQUAL(t.first.status_code, 500);
  CAF_CHECK_EQUAL(t.first.response_excerpt, std::string(1024, 'z'));
  // What fits into the sockets' buffers, and far from all.
  CAF_CHECK(written < 100'000'000u);
}

CAF_TEST(nonsense instead of HTTP) {
  for (const std::string& text : {std::string{"SSH-2.0-OpenSSH\r\n\r\n"}, std::string{"\r\n\r\n\r\n\r\n"}, std::string(1000, '\0'),
                                  std::string{"HTTP/2.0 200 OK\r\n\r\n"}, std::string{"HTTP/1.1 20 OK\r\n\r\n"},
                                  std::string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
                                  std::string{"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"}}) {
    trial t{{.serve = [&](peer& client) {
              client.read_request();
              client.write(text);
              SSL_shutdown(client.tls());
              client.wait_for_end();
            }},
            soon()};
    check_failed(t.first, failure_class::protocol, true);
  }
}

CAF_TEST(bytes that are no text become text in the excerpt) {
  trial t{{.serve = [](peer& client) {
    client.read_request();
    client.answer(200, "a\xff\xc3\xa4\xe2\x82");
  }}};
  CAF_CHECK_EQUAL(t.first.response_excerpt, "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd");
}

CAF_TEST(an answer that nobody asked for closes the connection) {
  std::atomic<int> requests{0};
  server receiver{localhost(), {.serve = [&](peer& client) {
    if (client.read_request())
      ++requests;
    client.answer(200);
    pause();
    client.answer(500, "surprise");
    if (client.read_request())
      ++requests;
    client.answer(200);
  }}};
  client some;
  for (int i = 0; i < 5; ++i) {
    CAF_CHECK_EQUAL(some.post(receiver.url()).status_code, 200);
    CAF_CHECK(eventually([&] { return some.engine->connections() == 0; }));
  }
  CAF_CHECK_EQUAL(requests, 5);
}

CAF_TEST(many receivers stall while others are served) {
  server dead{localhost(), {.before_tls = [](int fd) {
    char byte = 0;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    return false;
  }}};
  server good{localhost(), {.serve = [](peer& client) {
    while (client.read_request())
      client.answer(200);
  }}};
  client some;
  std::vector<std::uint64_t> stalled;
  for (int i = 0; i < 50; ++i)
    stalled.push_back(some.submit(dead.url(), {.deadline = std::chrono::minutes{5}}));
  for (int i = 0; i < 50; ++i)
    CAF_CHECK_EQUAL(some.post(good.url()).status_code, 200);
  for (auto token : stalled)
    CAF_CHECK(!some.seen().contains(token));
}
