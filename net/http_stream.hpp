#pragma once

#include "net/tls_server.hpp"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace carillon::net {

/// What became of one operation that doesn't wait.
enum class stream_state : std::uint8_t {
  done,
  blocked, ///< go on when the socket is ready again
  ended,   ///< the peer has said that nothing more comes
  failed,
};

/// The bytes of one accepted connection, plain or over TLS. Owns the socket, which doesn't block and which
/// somebody watches edge-triggered, for reading and writing alike.
class http_stream {
public:
  explicit http_stream(int socket) noexcept : socket_{socket} {}
  ~http_stream() { close(); }
  http_stream(const http_stream&) = delete;
  http_stream& operator=(const http_stream&) = delete;

  /// From now on over TLS; `handshake` comes before all else. False when the library has no memory.
  bool start_tls(const tls_server& with);
  bool is_tls() const noexcept { return tls_ != nullptr; }
  int socket() const noexcept { return socket_; }
  bool is_open() const noexcept { return socket_ >= 0; }

  /// The socket came up as `events` (EPOLLIN, …).
  void ready(std::uint32_t events) noexcept;

  stream_state handshake();
  /// Up to `into.size()` bytes, `got` of them.
  stream_state read(std::span<char> into, std::size_t& got);
  /// Writes what of `pieces` the socket takes, `taken` bytes.
  stream_state write(std::span<const iovec> pieces, std::size_t& taken);
  /// Tells the peer that nothing more comes; over TLS `done` only when the peer has said so, too.
  stream_state end_output();
  /// What still comes is thrown away unread, below TLS: `done` as long as there was something.
  stream_state discard(std::span<char> scratch, std::size_t& got);

  void close() noexcept;

private:
  struct deleter {
    void operator()(ssl_st* connection) const noexcept;
  };

  stream_state receive(std::span<char> into, std::size_t& got);
  stream_state judge_tls(int result) const;

  int socket_;
  bool readable_ = true; ///< false: reading would block until the socket comes up again
  bool hung_up_ = false; ///< the peer's end is there to be read
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<ssl_st, deleter> tls_;
};

} // namespace carillon::net
