#include "net/link_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <new>

namespace carillon::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// What a call of the library came to.
struct verdict {
  enum class kind : std::uint8_t { done, wants_read, wants_write, failed } what = kind::done;
  error_code error{}; ///< when it failed
};

/// Right behind the call, on its thread.
verdict judge(const ssl_st* connection, int result) {
  using kind = verdict::kind;
  const int system = errno;
  if (result == 1)
    return {};
  switch (SSL_get_error(connection, result)) {
  case SSL_ERROR_WANT_READ:
    return {kind::wants_read};
  case SSL_ERROR_WANT_WRITE:
    return {kind::wants_write};
  case SSL_ERROR_ZERO_RETURN:
    return {kind::failed, asio::error::eof};
  case SSL_ERROR_SYSCALL:
    if (system == 0)
      return {kind::failed, asio::ssl::error::stream_truncated};
    return {kind::failed, error_code{system, asio::error::get_system_category()}};
  default:
    break;
  }
  const auto error = ERR_get_error();
  if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return {kind::failed, asio::ssl::error::stream_truncated};
  return {kind::failed, error_code{static_cast<int>(error), asio::error::get_ssl_category()}};
}

} // namespace

void link_stream::deleter::operator()(ssl_st* connection) const noexcept {
  SSL_free(connection);
}

link_stream::link_stream(tcp::socket socket, asio::ssl::context& tls)
    : socket_{std::move(socket)}, tls_{SSL_new(tls.native_handle())} {
  if (!tls_)
    throw std::bad_alloc{};
  SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/// Repeats the step until it no longer waits for the socket.
template <class Step>
auto link_stream::carry_out(Step step) -> awaitable<error_code> {
  for (;;) {
    if (!socket_.is_open()) // the library knows a number only, that may be another's by now
      co_return asio::error::bad_descriptor;
    verdict came;
    {
      const std::lock_guard lock{guard_};
      ERR_clear_error();
      errno = 0;
      came = judge(tls_.get(), step(tls_.get()));
    }
    if (came.what == verdict::kind::done || came.what == verdict::kind::failed)
      co_return came.error;
    const auto direction = came.what == verdict::kind::wants_read ? tcp::socket::wait_read : tcp::socket::wait_write;
    auto [ec] = co_await socket_.async_wait(direction, as_result);
    if (ec)
      co_return ec;
  }
}

auto link_stream::handshake(side which) -> awaitable<error_code> {
  error_code ec;
  socket_.native_non_blocking(true, ec);
  if (ec)
    co_return ec;
  SSL_set_fd(tls_.get(), socket_.native_handle());
  which == side::client ? SSL_set_connect_state(tls_.get()) : SSL_set_accept_state(tls_.get());
  co_return co_await carry_out([](ssl_st* tls) { return SSL_do_handshake(tls); });
}

auto link_stream::read_some(std::span<char> into, std::size_t& got) -> awaitable<error_code> {
  got = 0;
  co_return co_await carry_out([&](ssl_st* tls) { return SSL_read_ex(tls, into.data(), into.size(), &got); });
}

auto link_stream::read(std::span<char> into) -> awaitable<error_code> {
  for (std::size_t got = 0; !into.empty(); into = into.subspan(got))
    if (const auto ec = co_await read_some(into, got))
      co_return ec;
  co_return error_code{};
}

auto link_stream::write(std::string_view bytes) -> awaitable<error_code> {
  for (std::size_t sent = 0; !bytes.empty(); bytes.remove_prefix(sent))
    if (const auto ec =
            co_await carry_out([&](ssl_st* tls) { return SSL_write_ex(tls, bytes.data(), bytes.size(), &sent); }))
      co_return ec;
  co_return error_code{};
}

auto link_stream::shutdown() -> awaitable<void> {
  co_await carry_out([](ssl_st* tls) {
    const int result = SSL_shutdown(tls);
    return result == 0 ? SSL_shutdown(tls) : result; // ours is sent; theirs may be there already
  });
}

std::size_t link_stream::try_write(std::string_view bytes, error_code& ec) {
  if (!socket_.is_open()) {
    ec = asio::error::bad_descriptor;
    return 0;
  }
  const std::lock_guard lock{guard_};
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  const auto came = judge(tls_.get(), SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &sent));
  if (came.what == verdict::kind::failed)
    ec = came.error;
  else if (came.what != verdict::kind::done)
    ec = asio::error::would_block;
  else
    ec = {};
  return sent;
}

auto link_stream::wait_writable() -> awaitable<error_code> {
  auto [ec] = co_await socket_.async_wait(tcp::socket::wait_write, as_result);
  co_return ec;
}

} // namespace carillon::net
