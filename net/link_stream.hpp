#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

namespace carillon::net {

/// A link's bytes: TLS over a socket that doesn't block. Not Asio's stream of TLS, because what a link sends is encrypted
/// and written by whichever thread has something to say: handed to the links' thread first, it would wake that.
///
/// `try_write` may be called on any thread, one at a time; all else on the context's.
class link_stream {
public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  enum class side : std::uint8_t { client, server };

  link_stream(tcp::socket socket, boost::asio::ssl::context& tls);

  tcp::socket& socket() { return socket_; }
  ssl_st* tls() const { return tls_.get(); }

  /// Of a socket that is connected. As what follows, ends with an error when the socket is closed.
  awaitable<error_code> handshake(side which);
  /// At least one byte; `got` of them.
  awaitable<error_code> read_some(std::span<char> into, std::size_t& got);
  awaitable<error_code> read(std::span<char> into);
  awaitable<error_code> write(std::string_view bytes);
  /// Says that nothing more comes, and waits for the peer to say so, too.
  awaitable<void> shutdown();

  /// Writes what the socket takes, and tells how much; `would_block` when that is nothing. What was refused so must be
  /// offered again, before all else.
  std::size_t try_write(std::string_view bytes, error_code& ec);
  awaitable<error_code> wait_writable();

private:
  struct deleter {
    void operator()(ssl_st* connection) const noexcept;
  };
  template <class Step>
  awaitable<error_code> carry_out(Step step);

  tcp::socket socket_;
  std::mutex guard_; ///< of the library's connection, which knows no threads
  std::unique_ptr<ssl_st, deleter> tls_;
};

} // namespace carillon::net
