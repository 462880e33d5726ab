#pragma once

#include "net/delivery_engine.hpp"
#include "net/delivery_pool.hpp"
#include "net/event_loop.hpp"
#include "net/exchange.hpp"
#include "net/response_reader.hpp"
#include "net/target.hpp"
#include "net/tls_client.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::net {

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
  /// A connection is open, or can't be opened, or isn't wanted any more.
  virtual void on_opening_ended(const std::shared_ptr<delivery_pool>& pool) = 0;
  /// Hands over the exchange, which waits, because its connection is open, or can't be opened.
  virtual std::unique_ptr<exchange> take_waiting(exchange& first) = 0;
  /// Free for the next request. May send one or close the connection.
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
/// It is born with an exchange for which it is opened, and which waits in the pool meanwhile: another connection
/// may take it before. Once this one has an exchange itself, the exchange ends here, well or badly.
///
/// Its socket is watched for edges, once and for all: it reads until there is nothing more, and where it
/// stops before (behind a whole answer) nothing is lost, because `usable` looks again.
class delivery_connection final : private timer_entry, private socket_watcher {
public:
  delivery_connection(connection_owner& owner, std::shared_ptr<delivery_pool> pool);
  ~delivery_connection() override;

  /// Connects to the first of the pool's addresses that answers, for this exchange.
  void open(exchange& first);
  /// The exchange that it is being opened for doesn't wait for it any more: it serves others, if it is open soon.
  void release();

  /// Looks once more whether the receiver has closed an idle connection.
  bool usable();

  /// Makes the POST over an idle connection.
  void send(std::unique_ptr<exchange> next);

  /// Gives its exchange up: that fails with `why` unless a status was received.
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
  void on_handshake_done();
  bool opening() const { return state_ == state::connecting || state_ == state::handshaking; }
  void fail_to_open(delivery_failure why);
  void start_request();
  void write_some();
  void read_some();
  void on_stream_end(int ssl_error);
  void answered(bool reusable);
  void become_idle();
  void fail(delivery_failure why);
  void close_socket();

  int socket_ = -1;
  connection_owner& owner_;
  std::shared_ptr<delivery_pool> pool_; ///< outlives tls_, which writes sessions into it
  tls_connection tls_;
  exchange* first_ = nullptr;                     ///< for which it is being opened; null: released
  std::shared_ptr<const delivery_target> target_; ///< of that one; host and port are those of all in the pool
  domain::boot_time handshake_start_{};
  std::optional<std::uint32_t> handshake_took_; ///< ms; until the first exchange was told
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
