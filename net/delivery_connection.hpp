#pragma once

#include "net/delivery_engine.hpp"
#include "net/event_loop.hpp"
#include "net/response_reader.hpp"
#include "net/target.hpp"
#include "net/tls_client.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::net {

class delivery_connection;

/// What went wrong with a POST.
struct delivery_failure {
  domain::failure_class what;
  std::string detail;
};

/// One job on its way through the engine; an entry in the timer wheel until its deadline.
class exchange final : public timer_entry {
public:
  class owner {
  public:
    virtual void on_deadline(exchange& late) = 0;

  protected:
    ~owner() = default;
  };

  exchange(owner& engine, delivery_job from) : job{std::move(from)}, engine_{engine} {}
  void on_due() override { engine_.on_deadline(*this); }

  delivery_job job;
  domain::delivery_result result;
  domain::boot_time phase_start{};           ///< of the phase that is under way
  delivery_connection* connection = nullptr; ///< which has it; none while the name is being resolved
  std::uint64_t id = 0;                      ///< names it while the name is being resolved

private:
  owner& engine_;
};

/// What connections to one origin share in one certificate mode.
struct delivery_pool {
  certificate_mode mode = certificate_mode::verify;
  std::vector<delivery_connection*> idle; ///< the last one was used last and is used next
  tls_session_slot session;
  std::size_t connections = 0;
  bool retired = false; ///< the policy or the trust anchors changed: its connections serve nothing new
};

/// The engine, as its connections see it.
class connection_owner {
public:
  virtual const tls_client& tls() const = 0;
  virtual event_loop& loop() = 0;
  virtual const delivery_engine_settings& settings() const = 0;
  /// Why nothing may go to the address that a socket really is connected to.
  virtual std::optional<std::string> judge(const boost::asio::ip::address& remote) const = 0;
  /// Room for what is read in one go; contents don't outlive the call that filled it.
  virtual std::vector<char>& scratch() = 0;
  virtual void on_answered(std::unique_ptr<exchange> done) = 0;
  virtual void on_failed(std::unique_ptr<exchange> done, delivery_failure why) = 0;
  /// Free for the next request. May close the connection.
  virtual void on_idle(delivery_connection& connection) = 0;
  /// Destroys the connection, but not before the loop's turn ends.
  virtual void on_closed(delivery_connection& connection) = 0;
  /// Whether connections are so few that each may keep its buffers while it is idle.
  virtual bool roomy() const = 0;

protected:
  ~connection_owner() = default;
};

/// One connection to a receiver. All calls on the loop's thread.
///
///   connecting --> handshaking --> exchanging <--> idle
///        \______________\______________\___________/--> closed
///
/// It is born with the exchange that it is opened for. Once `SSL_write` was called for an exchange, the
/// exchange ends here, well or badly; before, it may be taken back (`usable` says whether that is called
/// for).
///
/// Its socket is watched for edges, once and for all: it reads until there is nothing more, and where it
/// stops before (behind a whole answer) nothing is lost, because `usable` looks again.
class delivery_connection final : private timer_entry, private socket_watcher {
public:
  delivery_connection(connection_owner& owner, std::shared_ptr<delivery_pool> pool);
  ~delivery_connection() override;

  /// Connects to the first address that answers, for this exchange.
  void open(std::unique_ptr<exchange> first, std::vector<boost::asio::ip::address> addresses);

  /// Looks once more whether the receiver has closed an idle connection.
  bool usable();

  /// Makes the POST over an idle connection.
  void send(std::unique_ptr<exchange> next);

  /// Gives the exchange up, whatever state it is in: it fails with `why` unless a status was received.
  void abort(delivery_failure why);

  /// Closes; an exchange must not be under way.
  void close();

  /// What the connection is doing, for messages about a deadline.
  const char* phase() const;

  const std::shared_ptr<delivery_pool>& pool() const { return pool_; }
  bool has_exchange() const { return exchange_ != nullptr; }

private:
  enum class state { connecting, handshaking, exchanging, idle, closed };

  void on_due() override;
  void on_ready(std::uint32_t events) override;
  void try_address();
  void on_connect();
  void next_address(delivery_failure why);
  void start_handshake();
  void continue_handshake();
  void start_request();
  void write_some();
  void read_some();
  void on_stream_end(int ssl_error);
  void answered(bool reusable);
  void become_idle();
  void fail(delivery_failure why);
  void close_socket();
  std::uint32_t end_phase(domain::boot_time now);

  int socket_ = -1;
  connection_owner& owner_;
  std::shared_ptr<delivery_pool> pool_; ///< outlives tls_, which writes sessions into it
  tls_connection tls_;
  std::unique_ptr<exchange> exchange_;
  std::vector<boost::asio::ip::address> addresses_;
  std::size_t address_ = 0; ///< which one is being tried
  std::string request_;     ///< head and body
  std::size_t written_ = 0;
  response_reader reader_;
  state state_ = state::connecting;
  bool hung_up_ = false; ///< the receiver sends nothing behind what has come
};

} // namespace carillon::net
