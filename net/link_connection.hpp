#pragma once

#include "domain/time.hpp"
#include "net/host_lookup.hpp"
#include "net/link_hello.hpp"
#include "net/link_records.hpp"
#include "net/link_stream.hpp"
#include "net/node_link.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace carillon::net {

/// One connection between two nodes, from TCP to the last byte that it carries. One timer watches over all of
/// it: when a deadline passes everything is closed, and whatever waits ends.
///
/// Holds fixed buffers, messages that wait to be sent (`link_outbox`), and at most one that is coming in. All calls on
/// the context's thread, but for `post`.
class link_connection : public std::enable_shared_from_this<link_connection> {
public:
  using tcp = boost::asio::ip::tcp;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  template <class T>
  using outcome = std::variant<T, link_failure>;

  link_connection(tcp::socket socket, boost::asio::ssl::context& tls);

  /// Everything that follows must be done in this time; replaces the deadline before.
  void set_deadline(std::chrono::milliseconds from_now);
  /// Closes everything at once.
  void abort();
  bool aborted() const { return aborted_; }

  /// Finds the host and connects to it, within `limit`.
  awaitable<std::optional<link_failure>> connect(host_lookup& hosts, std::string host, std::uint16_t port,
                                                 std::chrono::milliseconds limit);
  awaitable<std::optional<link_failure>> handshake(link_stream::side which);
  awaitable<std::optional<link_failure>> send(link_frame frame);
  awaitable<outcome<link_frame>> receive();
  /// Ends TLS in order, so that the peer gets all that was sent, and closes.
  awaitable<void> say_goodbye();

  /// The caller's end of the tunnel; once. Invalid when the kernel gives none.
  descriptor open_tunnel();
  /// Carries bytes between peer and tunnel, and messages, until either end is closed, then closes both; answers
  /// why it ended. `received` hears each message.
  awaitable<std::string> carry(std::chrono::milliseconds silence, std::function<void(std::string)> received);
  /// Sends a message beside the tunnel, once it carries; false when too many wait already. Thread-safe.
  bool post(std::string message);
  /// Whether it carries, something came within that time, and nothing that was sent had to be sent again and wasn't
  /// acknowledged since. Thread-safe.
  bool goes_both_ways(std::chrono::milliseconds within);

  ssl_st* tls() { return stream_.tls(); }
  /// The other end's address, for logs.
  const std::string& remote() const { return remote_; }

private:
  enum class flushed : std::uint8_t {
    all,     ///< nothing waits
    blocked, ///< until the socket takes more
    failed,
  };

  awaitable<std::optional<std::vector<boost::asio::ip::address>>> resolve(host_lookup& hosts, const std::string& host);
  awaitable<void> carry_in(std::chrono::milliseconds silence, const std::function<void(std::string)>& received);
  awaitable<void> carry_out();
  void await_tunnel();
  void read_tunnel();
  flushed flush();
  void end_carrying(std::string reason);
  void close_sockets();
  link_failure failure(const boost::system::error_code& error);

  link_stream stream_;
  boost::asio::local::stream_protocol::socket tunnel_;
  boost::asio::steady_timer timer_;
  std::string remote_;
  std::string end_;        ///< why it carries nothing more
  bool timed_out_ = false;
  bool aborted_ = false;
  std::array<char, link_frame_header + link_frame_limit> frame_;
  std::array<char, node_links::link_buffer> in_;
  std::array<char, link_record_limit> from_tunnel_;
  std::atomic<domain::boot_time> heard_at_{domain::boot_time{}};
  bool tunnel_readable_ = false, tunnel_over_ = false;
  boost::asio::steady_timer to_do_; ///< never due: cancelled when there is something to do for `carry_out`

  link_outbox outbox_;
  std::mutex sending_;                  ///< who has it sends all that waits
  std::string out_;                     ///< records on their way out; under the mutex, as what follows
  std::size_t sent_ = 0;                ///< of them
  bool carries_ = false;
  boost::system::error_code send_error_;
};

} // namespace carillon::net
