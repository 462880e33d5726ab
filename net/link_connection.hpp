#pragma once

#include "net/host_lookup.hpp"
#include "net/link_hello.hpp"
#include "net/node_link.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace carillon::net {

/// One connection between two nodes, from TCP to the last byte of its tunnel. One timer watches over all of
/// it: when a deadline passes everything is closed, and whatever waits ends.
///
/// Holds fixed buffers only: nothing a peer says makes it hold more. All calls on the context's thread.
class link_connection : public std::enable_shared_from_this<link_connection> {
public:
  using tcp = boost::asio::ip::tcp;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  template <class T>
  using outcome = std::variant<T, link_failure>;
  using stream = boost::asio::ssl::stream<tcp::socket>;

  link_connection(tcp::socket socket, boost::asio::ssl::context& tls);

  /// Everything that follows must be done in this time; replaces the deadline before.
  void set_deadline(std::chrono::milliseconds from_now);
  /// Closes everything at once.
  void abort();
  bool aborted() const { return aborted_; }

  /// Finds the host and connects to it, within `limit`.
  awaitable<std::optional<link_failure>> connect(host_lookup& hosts, std::string host, std::uint16_t port,
                                                 std::chrono::milliseconds limit);
  awaitable<std::optional<link_failure>> handshake(stream::handshake_type side);
  awaitable<std::optional<link_failure>> send(link_frame frame);
  awaitable<outcome<link_frame>> receive();
  /// Ends TLS in order, so that the peer gets all that was sent, and closes.
  awaitable<void> say_goodbye();

  /// The caller's end of the tunnel; once. Invalid when the kernel gives none.
  descriptor open_tunnel();
  /// Carries bytes between peer and tunnel until either ends, then closes both; answers why it ended.
  awaitable<std::string> carry(std::chrono::milliseconds silence);

  const ssl_st* tls() { return stream_.native_handle(); }
  ssl_st* tls_settings() { return stream_.native_handle(); }
  /// The other end's address, for logs.
  const std::string& remote() const { return remote_; }

private:
  awaitable<std::optional<std::vector<boost::asio::ip::address>>> resolve(host_lookup& hosts, const std::string& host);
  awaitable<void> carry_in(std::chrono::milliseconds silence);
  awaitable<void> carry_out();
  void end_tunnel(std::string reason);
  void close_sockets();
  link_failure failure(const boost::system::error_code& error);

  stream stream_;
  boost::asio::local::stream_protocol::socket tunnel_;
  boost::asio::steady_timer timer_;
  std::string remote_;
  std::string end_;        ///< why the tunnel ended
  bool timed_out_ = false;
  bool aborted_ = false;
  std::array<char, link_frame_header + link_frame_limit> frame_;
  std::array<char, node_links::link_buffer> in_, out_;
};

} // namespace carillon::net
