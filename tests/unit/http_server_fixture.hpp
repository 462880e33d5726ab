#pragma once

#include "net/http_server.hpp"
#include "net/task_loop.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

/// What the tests of the HTTP server share: a service whose paths choose the behaviour, and a client that
/// sends exactly the bytes it is given.
namespace http_server_test {

using namespace carillon::net;
using namespace std::chrono_literals;

/// Waits for a condition; false when it didn't come true in a time that no healthy run needs.
template <class Condition>
bool eventually(Condition condition) {
  for (const auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;) {
    if (condition())
      return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

class test_service : public http_service {
public:
  std::size_t limit = 1000;
  std::atomic<int> waiting{0}; ///< requests that are in "/wait" or "/forever"
  std::atomic<bool> release{false};
  std::atomic<int> answered{0};
  std::atomic<int> handled{0};

  std::variant<accept_body, http_response> on_head(const http_request& head) override {
    if (head.path == "/refused")
      return text(401, "who are you");
    if (head.path == "/throw-head")
      throw std::runtime_error("planned");
    return accept_body{limit, std::make_shared<int>()};
  }

  task<http_response> handle(http_request& request) override {
    ++handled;
    if (request.path == "/throw")
      throw std::runtime_error("planned");
    if (request.path == "/wait" || request.path == "/forever") {
      ++waiting;
      while (request.path == "/forever" || !release) {
        pause_for rest{request.path == "/forever" ? std::chrono::milliseconds{1h} : 2ms};
        co_await rest;
      }
      --waiting;
    }
    if (request.path == "/judged")
      co_return text(200, request.judged ? "just now" : "before");
    if (request.path == "/drop")
      co_return text(0, "");
    if (request.path == "/empty")
      co_return text(204, "");
    if (request.path == "/large")
      co_return text(200, std::string(3'000'000, 'x'));
    if (request.path == "/inject") {
      auto response = text(200, "ok");
      response.fields.add("X-Good", "1");
      response.fields.add("X-Bad", "1\r\nInjected: 1");
      response.fields.add("X-Bad\r\nInjected", "1");
      response.fields.add("content-length", "0");
      response.fields.add("X-Request-Id", "mine");
      co_return response;
    }
    co_return text(200, request.method + " " + request.path + " " + request.body + " from " + request.remote +
                            " host " + std::string{request.fields.find("host").value_or("none")} +
                            " trailer " + std::string{request.fields.find("x-trailer").value_or("none")});
  }

  http_response protocol_error(const http_request&, int status, std::string detail) override {
    return text(status, std::move(detail));
  }

  void on_answered(const http_request&, const http_response&, double) override { ++answered; }

private:
  static http_response text(int status, std::string body) {
    http_response response;
    response.status = status;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }
};

/// A blocking client of raw bytes. A read that waits for 20 seconds fails, so that no test hangs.
class raw_client {
public:
  explicit raw_client(const std::string& url) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("can't connect to " + url);
  }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;
  ~raw_client() { ::close(fd_); }

  int descriptor() const { return fd_; }

  /// False when the server has closed for good.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// One whole answer, by its Content-Length; what was read of it when the connection ended first.
  std::string answer(bool head_only = false) {
    std::size_t head_end = std::string::npos;
    while ((head_end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!read_some())
        return std::exchange(pending_, {});
    std::size_t size = head_end + 4;
    const auto length = pending_.find("Content-Length: ");
    if (!head_only && length != std::string::npos && length < head_end)
      size += std::stoul(pending_.substr(length + 16));
    while (pending_.size() < size)
      if (!read_some())
        break;
    auto whole = pending_.substr(0, size);
    pending_.erase(0, whole.size());
    return whole;
  }

  /// Whether the server ends the connection in an orderly way, with nothing more to say.
  bool closed() {
    while (read_some()) {
    }
    return pending_.empty() && last_error_ == 0;
  }

  /// Like `closed`, whether orderly or not.
  bool gone() {
    while (read_some()) {
    }
    return pending_.empty() && last_error_ != EAGAIN;
  }

private:
  bool read_some() {
    char bytes[65536];
    const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
    last_error_ = got < 0 ? errno : 0;
    if (got > 0)
      pending_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  int last_error_ = 0;
  std::string pending_;
};

/// Whether anybody listens there.
inline bool listens(const std::string& url) {
  try {
    raw_client probe{url};
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

inline int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9)) : 0;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A running server on a free port. Tests change `settings` and `service`, then call `start`.
struct server_fixture {
  server_fixture() { settings.listeners = {{"127.0.0.1:0", listener_role::all}}; }

  const std::string& start() {
    server = std::make_unique<http_server>(settings, service);
    url = server->urls().front();
    server->start();
    return url;
  }

  http_server_settings settings;
  std::shared_ptr<test_service> service = std::make_shared<test_service>();
  std::unique_ptr<http_server> server;
  std::string url;
};

} // namespace http_server_test
