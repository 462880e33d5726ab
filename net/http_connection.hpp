#pragma once

#include "net/http_answer.hpp"
#include "net/http_forwarded.hpp"
#include "net/http_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <string>

/// Internal to the HTTP server: what its threads and connections share.
namespace carillon::net::http_detail {

using clock = std::chrono::steady_clock;
using tcp_socket =
    boost::asio::ip::tcp::socket::rebind_executor<boost::asio::io_context::executor_type>::other;

/// What all connections of one server share. Outlives them.
struct server_state {
  server_state(http_server_settings given, std::shared_ptr<http_service> behind)
      : settings(std::move(given)), service(std::move(behind)), proxies(settings.trusted_proxies) {}

  const http_server_settings settings;
  const std::shared_ptr<http_service> service;
  const trusted_proxies proxies;
  std::atomic<bool> stopping{false};

  std::atomic<std::size_t> open{0};     ///< admitted connections
  std::atomic<std::size_t> refusing{0}; ///< connections over the cap that are being told so
  std::mutex mutex;
  std::condition_variable all_closed; ///< notified when `open` falls to 0
};

/// Counts one connection for as long as it lives; movable into its coroutine.
class connection_slot {
public:
  connection_slot(std::shared_ptr<server_state> state, std::atomic<std::size_t> server_state::*counter);
  connection_slot(connection_slot&& other) noexcept = default;
  connection_slot& operator=(connection_slot&&) = delete;
  ~connection_slot();

  server_state& state() const noexcept { return *state_; }

private:
  std::shared_ptr<server_state> state_;
  std::atomic<std::size_t> server_state::*counter_;
};

/// Where a connection is in its life; decides what a deadline and what stopping mean.
enum class phase : std::uint8_t { handshake, idle, head, body, handling, answering, closing };

/// The side of a connection that its worker sees. Used on the worker's thread only.
class connection_base
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  connection_base() = default;
  connection_base(const connection_base&) = delete;
  connection_base& operator=(const connection_base&) = delete;

  /// Ends the current operation when its deadline has passed.
  void check_deadline(clock::time_point now);
  /// The server stops: ends the connection unless it is in the middle of a request.
  void stop();
  /// The grace is over: ends the connection whatever it does.
  void abort() { close_socket(); }

protected:
  ~connection_base() = default;

  void enter(phase now_in, std::chrono::milliseconds limit) {
    phase_ = now_in;
    expired_ = false;
    deadline_ = clock::now() + limit;
  }
  void enter(phase now_in) {
    phase_ = now_in;
    expired_ = false;
    deadline_ = clock::time_point::max();
  }
  phase current() const noexcept { return phase_; }
  /// Whether the deadline of the current phase has passed; checked after every operation.
  bool expired() const noexcept { return expired_; }

private:
  virtual void cancel_operations() = 0;
  virtual void close_socket() = 0;

  phase phase_ = phase::handshake;
  bool expired_ = false;
  clock::time_point deadline_ = clock::time_point::max();
};

/// One thread: its io_context and the connections that live on it.
///
/// Deadlines are not timers of their own: one sweep every `sweep_interval` looks at all connections, so that
/// a request costs no timer operation. A deadline is late by at most that.
class worker {
public:
  static constexpr std::chrono::milliseconds sweep_interval{100};

  worker();

  boost::asio::io_context& context() noexcept { return context_; }
  void add(connection_base& connection);
  void stop_connections();
  void abort_connections();

  std::string_view date() { return date_.now(); }
  /// 128 random bits in hexadecimal.
  std::string make_request_id();

private:
  void sweep();

  // Before the context: when that is destroyed, the connections that are left unlink themselves.
  boost::intrusive::list<connection_base, boost::intrusive::constant_time_size<false>> connections_;
  boost::asio::io_context context_;
  boost::asio::steady_timer sweep_timer_;
  bool sweeping_ = false;
  http_date date_;
  std::mt19937_64 random_;
};

/// Serves one plain connection to its end.
boost::asio::awaitable<void> serve_plain(worker& home, connection_slot slot, tcp_socket socket,
                                         listener_role role);

/// The same over TLS.
boost::asio::awaitable<void> serve_tls(worker& home, connection_slot slot, tcp_socket socket,
                                       listener_role role, std::shared_ptr<boost::asio::ssl::context> tls);

/// Tells a client over the cap that there are too many, and closes.
boost::asio::awaitable<void> refuse_plain(worker& home, connection_slot slot, tcp_socket socket,
                                          listener_role role);

} // namespace carillon::net::http_detail
