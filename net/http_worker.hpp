#pragma once

#include "net/http_answer.hpp"
#include "net/http_forwarded.hpp"
#include "net/http_server.hpp"
#include "net/task_loop.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Internal to the HTTP server: what its threads and connections share.
namespace carillon::net::http_detail {

using clock = std::chrono::steady_clock;

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

/// Counts one connection for as long as its socket is open.
class connection_slot {
public:
  connection_slot(server_state& state, std::atomic<std::size_t> server_state::*counter);
  connection_slot(connection_slot&& other) noexcept
      : state_(other.state_), counter_(std::exchange(other.counter_, nullptr)) {}
  connection_slot& operator=(connection_slot&&) = delete;
  ~connection_slot() { release(); }

  void release();
  server_state& state() const noexcept { return state_; }

private:
  server_state& state_;
  std::atomic<std::size_t> server_state::*counter_; ///< null: released
};

/// The side of a connection that its worker sees. Used on the worker's thread only.
class connection_base
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  virtual ~connection_base() = default;
  connection_base() = default;
  connection_base(const connection_base&) = delete;
  connection_base& operator=(const connection_base&) = delete;

  /// Ends what it does when the deadline of that has passed.
  virtual void check_deadline(clock::time_point now) = 0;
  /// The server stops: ends the connection unless it is in the middle of a request.
  virtual void stop() = 0;
  /// The grace is over: ends the connection whatever it does.
  virtual void abort() = 0;
  /// The task that it started is done.
  virtual void handled() = 0;
};

/// One thread: its loop and the connections that live on it.
///
/// Deadlines are not timers of their own: one sweep every `sweep_interval` looks at all connections, so that
/// a request costs no timer operation. A deadline is late by at most that.
class worker {
public:
  static constexpr std::chrono::milliseconds sweep_interval{100};
  /// What is read at once.
  static constexpr std::size_t read_size = 64 * 1024;

  worker();
  ~worker();

  task_loop& loop() noexcept { return loop_; }
  /// Serves until `end`; returns then.
  void run();
  /// Lets `run` return, behind what was posted before. Thread-safe.
  void end();

  /// Takes a connection over. It lives until it says that it is over.
  void add(std::unique_ptr<connection_base> connection);
  /// It is destroyed at the turn's end.
  void over(connection_base& connection);
  /// Its task is done: it hears of that in this turn or the next one, when the task rests.
  void task_done(connection_base& connection) { done_.push_back(&connection); }

  void stop_connections();
  void abort_connections();

  std::string_view date() { return date_.now(); }
  /// 128 random bits in hexadecimal, in place of what `id` was.
  void make_request_id(std::string& id);
  /// Where connections read to; good until the next of them reads.
  std::span<char> scratch() noexcept { return *scratch_; }

private:
  using connection_list =
      boost::intrusive::list<connection_base, boost::intrusive::constant_time_size<false>>;
  class sweep final : public timer_entry {
  public:
    explicit sweep(worker& of) : of_(of) {}

  private:
    void on_due() override { of_.check_deadlines(); }
    worker& of_;
  };

  void check_deadlines();
  void arm_sweep();

  task_loop loop_;
  sweep sweep_{*this};
  bool sweeping_ = false;
  bool ended_ = false;
  connection_list connections_, over_;
  std::vector<connection_base*> done_;
  std::unique_ptr<std::array<char, read_size>> scratch_;
  http_date date_;
  std::mt19937_64 random_;
};

} // namespace carillon::net::http_detail
