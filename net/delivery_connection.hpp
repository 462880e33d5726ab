#pragma once

#include "net/delivery_engine.hpp"
#include "net/delivery_pool.hpp"
#include "net/event_loop.hpp"
#include "net/handshake_queue.hpp"
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
  delivery_connection* connection = nullptr; ///< which has it; none before one is opened for it
  std::uint64_t id = 0;                      ///< names it while the name is being resolved
  handshake_class target_class = handshake_class::prompt; ///< what its target did last
  bool lost_spare = false; ///< a spare connection failed it; the next one is opened for it

private:
  owner& engine_;
};

/// The engine, as its connections see it.
class connection_owner {
public:
  virtual const tls_client& tls() const = 0;
  virtual event_loop& loop() = 0;
  virtual handshake_queue& handshakes() = 0;
  virtual const delivery_engine_settings& settings() const = 0;
  /// Why nothing may go to the address that a socket really is connected to.
  virtual std::optional<std::string> judge(const boost::asio::ip::address& remote) const = 0;
  /// Room for what is read in one go; contents don't outlive the call that filled it.
  virtual std::vector<char>& scratch() = 0;
  virtual void on_answered(std::unique_ptr<exchange> done) = 0;
  virtual void on_failed(std::unique_ptr<exchange> done, delivery_failure why) = 0;
  /// A connection that was being opened for another exchange failed; this one may have its own.
  virtual void on_spare_lost(std::unique_ptr<exchange> next) = 0;
  /// A connection that the line's pace allowed is open, or failed.
  virtual void on_opening_ended(opening_line& line) = 0;
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
/// It is born with the exchange that it is opened for. Once `SSL_write` was called for an exchange, the
/// exchange ends here, well or badly; before, it may be taken back: by another connection that is free sooner
/// (`give_up`), or because this one isn't good any more (`usable`).
///
/// Its socket is watched for edges, once and for all: it reads until there is nothing more, and where it
/// stops before (behind a whole answer) nothing is lost, because `usable` looks again.
class delivery_connection final : public opening_entry,
                                  private timer_entry,
                                  private socket_watcher,
                                  private handshake_entry {
public:
  delivery_connection(connection_owner& owner, std::shared_ptr<delivery_pool> pool);
  ~delivery_connection() override;

  /// Connects to the first address that answers, for this exchange.
  void open(std::unique_ptr<exchange> first, std::vector<boost::asio::ip::address> addresses);

  /// Gives its exchange to a connection that is free sooner; stays in the pool as spare. Only for one of the
  /// pool's `waiting`.
  std::unique_ptr<exchange> give_up();
  /// Takes another exchange in its place. Only for one of the pool's `spare`.
  void adopt(std::unique_ptr<exchange> next);

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
  void take_step() override;
  void try_address();
  void on_connect();
  void next_address(delivery_failure why);
  bool start_tls();
  void on_handshake_done();
  bool opening() const { return state_ == state::connecting || state_ == state::handshaking; }
  void end_opening();
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
  std::unique_ptr<exchange> exchange_;                ///< none while idle or spare
  std::shared_ptr<const delivery_target> target_;     ///< of the exchange that it was opened for
  handshake_class target_class_ = handshake_class::prompt; ///< likewise
  std::vector<boost::asio::ip::address> addresses_;
  std::size_t address_ = 0; ///< which one is being tried
  std::string request_;     ///< head and body
  std::size_t written_ = 0;
  response_reader reader_;
  state state_ = state::connecting;
  bool adopted_ = false; ///< the exchange isn't the one that it was opened for
  bool hung_up_ = false; ///< the receiver sends nothing behind what has come
};

} // namespace carillon::net
