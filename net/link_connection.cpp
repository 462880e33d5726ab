#include "net/link_connection.hpp"

#include "net/link_tls.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

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
    : stream_{std::move(socket), tls}, tunnel_{stream_.get_executor()}, timer_{stream_.get_executor()} {
  error_code ec;
  if (const auto peer = stream_.next_layer().remote_endpoint(ec); !ec)
    remote_ = to_text(peer);
  stream_.next_layer().set_option(tcp::no_delay{true}, ec);
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
  error_code ec;
  stream_.next_layer().close(ec);
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
  auto [ec, peer] = co_await asio::async_connect(stream_.next_layer(), endpoints, as_result);
  if (aborted_)
    co_return link_failure{link_error::stopped, "closed by this node"};
  if (ec)
    co_return link_failure{link_error::unreachable, timed_out_ ? "no answer in time" : ec.message()};
  remote_ = to_text(peer);
  error_code ignored;
  stream_.next_layer().set_option(tcp::no_delay{true}, ignored);
  co_return std::nullopt;
}

auto link_connection::handshake(stream::handshake_type side) -> awaitable<std::optional<link_failure>> {
  auto [ec] = co_await stream_.async_handshake(side, as_result);
  if (ec)
    co_return failure(ec);
  co_return std::nullopt;
}

auto link_connection::send(link_frame frame) -> awaitable<std::optional<link_failure>> {
  const auto bytes = encode(frame);
  auto [ec, count] = co_await asio::async_write(stream_, asio::buffer(bytes), as_result);
  if (ec)
    co_return failure(ec);
  co_return std::nullopt;
}

auto link_connection::receive() -> awaitable<outcome<link_frame>> {
  const link_failure nonsense{link_error::protocol, "what came is not the protocol between nodes"};
  auto [ec, count] = co_await asio::async_read(stream_, asio::buffer(frame_.data(), link_frame_header), as_result);
  if (ec)
    co_return failure(ec);
  const auto size = payload_size({frame_.data(), link_frame_header});
  if (!size)
    co_return nonsense;
  auto [ec2, count2] =
      co_await asio::async_read(stream_, asio::buffer(frame_.data() + link_frame_header, *size), as_result);
  if (ec2)
    co_return failure(ec2);
  if (auto frame = decode({frame_.data(), link_frame_header + *size}))
    co_return std::move(*frame);
  co_return nonsense;
}

auto link_connection::say_goodbye() -> awaitable<void> {
  if (!aborted_ && !timed_out_ && stream_.next_layer().is_open()) {
    set_deadline(goodbye_time);
    co_await stream_.async_shutdown(as_result);
  }
  timer_.cancel();
  close_sockets();
}

descriptor link_connection::open_tunnel() {
  asio::local::stream_protocol::socket theirs{stream_.get_executor()};
  error_code ec;
  asio::local::connect_pair(tunnel_, theirs, ec);
  return ec ? descriptor{} : descriptor{theirs.release(ec)};
}

auto link_connection::carry(milliseconds silence) -> awaitable<std::string> {
  using namespace asio::experimental::awaitable_operators;
  co_await (carry_in(silence) && carry_out());
  co_await say_goodbye();
  co_return aborted_ ? std::string{"closed by this node"} : end_;
}

auto link_connection::carry_in(milliseconds silence) -> awaitable<void> {
  for (;;) {
    set_deadline(silence);
    auto [ec, got] = co_await stream_.async_read_some(asio::buffer(in_), as_result);
    timer_.cancel(); // while the tunnel's reader takes its time the peer can't be heard
    if (ec)
      co_return end_tunnel(timed_out_ ? "nothing came from the peer for " + std::to_string(silence.count()) + " ms"
                                      : describe(tls(), ec));
    auto [ec2, written] = co_await asio::async_write(tunnel_, asio::buffer(in_.data(), got), as_result);
    if (ec2)
      co_return end_tunnel("this node's end was closed");
  }
}

auto link_connection::carry_out() -> awaitable<void> {
  for (;;) {
    auto [ec, got] = co_await tunnel_.async_read_some(asio::buffer(out_), as_result);
    if (ec)
      co_return end_tunnel("this node's end was closed");
    auto [ec2, written] = co_await asio::async_write(stream_, asio::buffer(out_.data(), got), as_result);
    if (ec2)
      co_return end_tunnel(describe(tls(), ec2));
  }
}

void link_connection::end_tunnel(std::string reason) {
  if (end_.empty())
    end_ = std::move(reason);
  error_code ec;
  tunnel_.close(ec);
  // Not closed yet: what was written goes out before TLS ends.
  stream_.next_layer().cancel(ec);
}

} // namespace carillon::net
