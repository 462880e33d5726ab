#include "net/http_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace carillon::net {

void http_stream::deleter::operator()(ssl_st* connection) const noexcept {
  SSL_free(connection);
}

bool http_stream::start_tls(const tls_server& with) {
  context_ = with.context();
  tls_.reset(SSL_new(context_->native_handle()));
  if (!tls_ || SSL_set_fd(tls_.get(), socket_) != 1)
    return false;
  SSL_set_accept_state(tls_.get());
  return true;
}

void http_stream::ready(std::uint32_t events) noexcept {
  readable_ = readable_ || (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  hung_up_ = hung_up_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

stream_state http_stream::judge_tls(int result) const {
  switch (SSL_get_error(tls_.get(), result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return stream_state::blocked;
  case SSL_ERROR_ZERO_RETURN:
    return stream_state::ended;
  default:
    return stream_state::failed;
  }
}

stream_state http_stream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  return result == 1 ? stream_state::done : judge_tls(result);
}

stream_state http_stream::receive(std::span<char> into, std::size_t& got) {
  got = 0;
  if (!readable_)
    return stream_state::blocked;
  const auto size = ::recv(socket_, into.data(), into.size(), 0);
  if (size > 0) {
    got = static_cast<std::size_t>(size);
    // Less than there was room for: it is empty, and the next byte comes with an edge.
    readable_ = got == into.size() || hung_up_;
    return stream_state::done;
  }
  if (size == 0)
    return stream_state::ended;
  if (errno != EAGAIN && errno != EINTR)
    return stream_state::failed;
  readable_ = errno == EINTR;
  return stream_state::blocked;
}

stream_state http_stream::read(std::span<char> into, std::size_t& got) {
  if (!tls_)
    return receive(into, got);
  got = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(tls_.get(), into.data(), into.size(), &got);
  return result == 1 ? stream_state::done : judge_tls(result);
}

stream_state http_stream::write(std::span<const iovec> pieces, std::size_t& taken) {
  taken = 0;
  if (!tls_) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const auto size = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (size < 0)
      return errno == EAGAIN ? stream_state::blocked : stream_state::failed;
    taken = static_cast<std::size_t>(size);
    return stream_state::done;
  }
  for (const auto& piece : pieces) {
    if (piece.iov_len == 0)
      continue;
    ERR_clear_error();
    std::size_t part = 0;
    const int result = SSL_write_ex(tls_.get(), piece.iov_base, piece.iov_len, &part);
    if (result != 1)
      return taken > 0 ? stream_state::done : judge_tls(result);
    taken += part;
    if (part < piece.iov_len)
      break;
  }
  return stream_state::done;
}

stream_state http_stream::end_output() {
  if (tls_) {
    ERR_clear_error();
    int result = SSL_shutdown(tls_.get());
    if (result == 0) // ours is sent; theirs may be there already
      result = SSL_shutdown(tls_.get());
    if (const auto state = judge_tls(result); result != 1 && state == stream_state::blocked)
      return state;
  }
  return ::shutdown(socket_, SHUT_WR) == 0 ? stream_state::done : stream_state::failed;
}

stream_state http_stream::discard(std::span<char> scratch, std::size_t& got) {
  return receive(scratch, got);
}

void http_stream::close() noexcept {
  if (const int socket = std::exchange(socket_, -1); socket >= 0)
    ::close(socket);
}

} // namespace carillon::net
