#pragma once

#include "net/http_message.hpp"
#include "net/task.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace carillon::net {

/// What the server asks of the program behind it.
class http_service {
public:
  virtual ~http_service() = default;

  /// How many bytes of body the request may carry, and what was found out about it.
  struct accept_body {
    std::size_t limit = 0;
    std::shared_ptr<void> judged = nullptr; ///< for `http_request::judged`
  };

  /// Called when the head is complete, before any of the body is read: routing, credentials and the size are
  /// judged here. A response refuses the request; the connection is closed after it when a body was
  /// announced. With `accept_body`, a body over the limit gets `too_large`. Must not block.
  virtual std::variant<accept_body, http_response> on_head(const http_request& head) = 0;

  /// Answers a complete request. Runs on the thread of the connection's loop (`task_loop.hpp`); may wait.
  /// `request` stays valid until it is done; its body may be taken out of it. Exceptions become a 500. A
  /// status of 0 closes the connection without an answer. For HEAD, answer as for GET: the server leaves the
  /// body out. What resumes a waiting task from another thread must do so before the server is destroyed.
  virtual task<http_response> handle(http_request& request) = 0;

  /// What a client sees that broke the protocol: 400 malformed, 408 too slow, 413 body over the limit,
  /// 417 unknown expectation, 431 head too long, 500 the service threw, 503 too many connections, 505 other
  /// version of HTTP. `detail` names what was wrong. `head` may be empty but for `remote`, `request_id` and
  /// `role`.
  virtual http_response protocol_error(const http_request& head, int status, std::string detail) = 0;

  /// The answer is about to be written: for the metrics. `seconds` from the head's completion. `request` is
  /// as the handler left it.
  virtual void on_answered(const http_request& request, const http_response& response, double seconds) = 0;
};

struct http_listener_settings {
  std::string address; ///< "127.0.0.1:8080", "[::1]:8080"; port 0 picks a free one
  listener_role role = listener_role::all;
};

struct http_server_settings {
  std::vector<http_listener_settings> listeners;
  std::size_t threads = 1;
  std::string tls_certificate, tls_key;     ///< PEM files; both or none
  std::vector<std::string> trusted_proxies; ///< CIDRs whose X-Forwarded-For counts
  std::size_t max_connections = 10'000;
  std::chrono::milliseconds header_timeout{10'000}; ///< from the first byte (or acceptance) to the head's end
  std::chrono::milliseconds body_timeout{30'000};   ///< from the head's end to the body's end
  std::chrono::milliseconds idle_timeout{75'000};   ///< between two requests
  std::size_t max_header = 32 * 1024;
};

/// An HTTP/1.1 server: keep-alive, deadlines on every phase, a limit on everything, optional TLS.
class http_server {
public:
  /// Binds all listeners; throws std::runtime_error naming the address (or the certificate) that can't be
  /// used.
  http_server(http_server_settings settings, std::shared_ptr<http_service> service);
  ~http_server();

  /// The addresses really bound, in the order of the settings, as URLs: "http://127.0.0.1:8080".
  std::vector<std::string> urls() const;

  void start();

  /// Reads the certificate and key again; new connections use them. Throws, keeping the old, when they're
  /// unusable.
  void reload_certificates();

  /// Stops accepting, lets requests that are being handled finish (at most `grace`), closes idle connections,
  /// joins.
  void stop(std::chrono::milliseconds grace);

  /// Open connections of clients. Thread-safe.
  std::size_t connections() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::net
