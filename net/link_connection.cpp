#include "net/link_connection.hpp"

#include "net/link_tls.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace carillon::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// For the last bytes and the peer's close_notify; then the connection is closed without.
constexpr milliseconds goodbye_time{1'000};

} // namespace

link_connection::link_connection(tcp::socket socket, asio::ssl::context& tls)
    : stream_{std::move(socket), tls}, tunnel_{stream_.socket().get_executor()},
      timer_{stream_.socket().get_executor()},
      to_do_{stream_.socket().get_executor(), asio::steady_timer::time_point::max()} {
  error_code ec;
  if (const auto peer = stream_.socket().remote_endpoint(ec); !ec)
    remote_ = to_text(peer);
  stream_.socket().set_option(tcp::no_delay{true}, ec);
}

void link_connection::set_deadline(milliseconds from_now) {
  timer_.expires_after(from_now);
  timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    // A wait that was just replaced may already be on its way here.
    if (ec || self->timer_.expiry() > std::chrono::steady_clock::now())
      return;
    self->timed_out_ = true;
    self->close_sockets();
  });
}

void link_connection::abort() {
  aborted_ = true;
  timer_.cancel();
  close_sockets();
}

void link_connection::close_sockets() {
  // Another thread may be writing: its socket must not become somebody else's.
  const std::lock_guard lock{sending_};
  carries_ = false;
  error_code ec;
  stream_.socket().close(ec);
  tunnel_.close(ec);
}

link_failure link_connection::failure(const error_code& error) {
  if (aborted_)
    return {link_error::stopped, "closed by this node"};
  if (timed_out_)
    return {link_error::broken, "the peer didn't answer in time"};
  const auto text = describe(tls(), error);
  if (about_certificate(tls(), error))
    return {link_error::certificate, text};
  const bool is_tls = error.category() == asio::error::get_ssl_category();
  return {is_tls ? link_error::protocol : link_error::broken, text};
}

auto link_connection::resolve(host_lookup& hosts, const std::string& host)
    -> awaitable<std::optional<std::vector<asio::ip::address>>> {
  error_code literal;
  if (const auto address = asio::ip::make_address(host, literal); !literal)
    co_return std::vector<asio::ip::address>{address};
  // The timer that watches is what is waited for: it ends by the answer as well as by the deadline.
  const auto found = std::make_shared<std::optional<std::vector<asio::ip::address>>>();
  hosts.ask(host, [found, self = shared_from_this()](const auto& addresses) {
    *found = addresses;
    self->timer_.cancel();
  });
  while (!*found && !aborted_ && timer_.expiry() > std::chrono::steady_clock::now())
    co_await timer_.async_wait(as_result);
  co_return std::move(*found);
}

auto link_connection::connect(host_lookup& hosts, std::string host, std::uint16_t port, milliseconds limit)
    -> awaitable<std::optional<link_failure>> {
  const auto until = std::chrono::steady_clock::now() + limit;
  timer_.expires_at(until);
  const auto addresses = co_await resolve(hosts, host);
  if (aborted_)
    co_return link_failure{link_error::stopped, "closed by this node"};
  if (!addresses)
    co_return link_failure{link_error::unreachable, "no answer for the name \"" + host + "\" in time"};
  if (addresses->empty())
    co_return link_failure{link_error::unreachable, "there is no host \"" + host + "\""};
  std::vector<tcp::endpoint> endpoints;
  for (const auto& address : *addresses)
    endpoints.emplace_back(address, port);
  set_deadline(std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now()));
  auto [ec, peer] = co_await asio::async_connect(stream_.socket(), endpoints, as_result);
  if (aborted_)
    co_return link_failure{link_error::stopped, "closed by this node"};
  if (ec)
    co_return link_failure{link_error::unreachable, timed_out_ ? "no answer in time" : ec.message()};
  remote_ = to_text(peer);
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay{true}, ignored);
  co_return std::nullopt;
}

auto link_connection::handshake(link_stream::side which) -> awaitable<std::optional<link_failure>> {
  if (const auto ec = co_await stream_.handshake(which))
    co_return failure(ec);
  co_return std::nullopt;
}

auto link_connection::send(link_frame frame) -> awaitable<std::optional<link_failure>> {
  const auto bytes = encode(frame);
  if (const auto ec = co_await stream_.write(bytes))
    co_return failure(ec);
  co_return std::nullopt;
}

auto link_connection::receive() -> awaitable<outcome<link_frame>> {
  const link_failure nonsense{link_error::protocol, "what came is not the protocol between nodes"};
  if (const auto ec = co_await stream_.read({frame_.data(), link_frame_header}))
    co_return failure(ec);
  const auto size = payload_size({frame_.data(), link_frame_header});
  if (!size)
    co_return nonsense;
  if (const auto ec = co_await stream_.read({frame_.data() + link_frame_header, *size}))
    co_return failure(ec);
  if (auto frame = decode({frame_.data(), link_frame_header + *size}))
    co_return std::move(*frame);
  co_return nonsense;
}

auto link_connection::say_goodbye() -> awaitable<void> {
  if (!aborted_ && !timed_out_ && stream_.socket().is_open()) {
    set_deadline(goodbye_time);
    co_await stream_.shutdown();
  }
  timer_.cancel();
  close_sockets();
}

descriptor link_connection::open_tunnel() {
  asio::local::stream_protocol::socket theirs{stream_.socket().get_executor()};
  error_code ec;
  asio::local::connect_pair(tunnel_, theirs, ec);
  if (!ec)
    tunnel_.non_blocking(true, ec);
  return ec ? descriptor{} : descriptor{theirs.release(ec)};
}

bool link_connection::post(std::string message) {
  if (!outbox_.put(std::move(message)))
    return false;
  // Once what was put before it went carries on itself: who can't send now leaves it to whoever does.
  while (!outbox_.empty()) {
    {
      const std::unique_lock lock{sending_, std::try_to_lock};
      if (!lock || !carries_)
        break;
      if (flush() == flushed::all)
        continue;
    }
    asio::post(stream_.socket().get_executor(), [self = shared_from_this()] { self->to_do_.cancel(); });
    break;
  }
  return true;
}

/// Sends what waits, as long as the socket takes it. Under the mutex.
link_connection::flushed link_connection::flush() {
  while (!send_error_) {
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
      outbox_.take(out_, node_links::link_buffer);
      if (out_.empty())
        return flushed::all;
    }
    error_code ec;
    sent_ += stream_.try_write(std::string_view{out_}.substr(sent_), ec);
    if (ec == asio::error::would_block)
      return flushed::blocked;
    send_error_ = ec;
  }
  return flushed::failed;
}

bool link_connection::goes_both_ways(milliseconds within) {
  if (domain::boot_clock::now() - heard_at_.load(std::memory_order_relaxed) >= within)
    return false;
  const std::lock_guard lock{sending_};
  if (!carries_)
    return false;
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(stream_.socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
         info.tcpi_retransmits == 0;
}

auto link_connection::carry(milliseconds silence, std::function<void(std::string)> received) -> awaitable<std::string> {
  using namespace asio::experimental::awaitable_operators;
  {
    const std::lock_guard lock{sending_};
    carries_ = true;
  }
  heard_at_ = domain::boot_clock::now();
  co_await (carry_in(silence, received) && carry_out());
  {
    const std::lock_guard lock{sending_};
    carries_ = false;
  }
  co_await say_goodbye();
  co_return aborted_ ? std::string{"closed by this node"} : end_;
}

auto link_connection::carry_in(milliseconds silence, const std::function<void(std::string)>& received)
    -> awaitable<void> {
  link_reader records;
  for (;;) {
    set_deadline(silence);
    std::size_t got = 0;
    const auto ec = co_await stream_.read_some(in_, got);
    timer_.cancel(); // while the tunnel's reader takes its time the peer can't be heard
    if (ec)
      co_return end_carrying(timed_out_ ? "nothing came from the peer for " + std::to_string(silence.count()) + " ms"
                                        : describe(tls(), ec));
    heard_at_.store(domain::boot_clock::now(), std::memory_order_relaxed);
    records.give({in_.data(), got});
    for (auto piece = records.next(); !std::holds_alternative<link_reader::nothing>(piece); piece = records.next()) {
      if (auto* message = std::get_if<std::string>(&piece)) {
        received(std::move(*message));
      } else if (const auto* bytes = std::get_if<std::string_view>(&piece)) {
        auto [ec2, written] = co_await asio::async_write(tunnel_, asio::buffer(*bytes), as_result);
        if (ec2)
          co_return end_carrying("this node's end was closed");
      } else {
        co_return end_carrying("what came is not the protocol between nodes");
      }
    }
  }
}

/// Feeds the tunnel's bytes in, piece by piece, and goes on where another thread met a socket that was full.
auto link_connection::carry_out() -> awaitable<void> {
  await_tunnel();
  for (;;) {
    if (tunnel_readable_ && outbox_.wants_tunnel())
      read_tunnel();
    auto state = flushed::all;
    error_code ec;
    {
      const std::lock_guard lock{sending_};
      state = flush();
      ec = send_error_;
    }
    if (state == flushed::failed)
      co_return end_carrying(describe(tls(), ec));
    if (state == flushed::blocked) {
      if (co_await stream_.wait_writable())
        co_return end_carrying("this node's end was closed");
    } else if (tunnel_over_) {
      co_return end_carrying("this node's end was closed");
    } else if (!tunnel_readable_ && outbox_.empty()) {
      co_await to_do_.async_wait(as_result);
    }
  }
}

void link_connection::await_tunnel() {
  tunnel_.async_wait(tunnel_.wait_read, [self = shared_from_this()](const error_code& ec) {
    (ec ? self->tunnel_over_ : self->tunnel_readable_) = true;
    self->to_do_.cancel();
  });
}

/// The next piece of what the tunnel holds, into the outbox.
void link_connection::read_tunnel() {
  error_code ec;
  const auto got = tunnel_.read_some(asio::buffer(from_tunnel_), ec);
  if (got > 0)
    return outbox_.put_tunnel({from_tunnel_.data(), got});
  tunnel_readable_ = false;
  if (ec == asio::error::would_block)
    await_tunnel();
  else
    tunnel_over_ = true;
}

void link_connection::end_carrying(std::string reason) {
  if (end_.empty())
    end_ = std::move(reason);
  error_code ec;
  tunnel_.close(ec);
  tunnel_over_ = true;
  to_do_.cancel();
  // Not closed yet: what was written goes out before TLS ends.
  stream_.socket().cancel(ec);
}

} // namespace carillon::net
