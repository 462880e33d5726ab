#include "net/delivery_connection.hpp"

#include "config/fault_points.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace carillon::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using domain::boot_clock;
using domain::failure_class;
using domain::notification_state;

namespace {

constexpr std::size_t kept_request_capacity =
    16 * 1024; // idle connections shouldn't hold on to large buffers

std::string text_of(const asio::ip::address& address, std::uint16_t port) {
  return (address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" +
         std::to_string(port);
}

std::uint32_t milliseconds_between(domain::boot_time from, domain::boot_time to) {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(took, 0));
}

void build_request(const delivery_job& job, std::string& into) {
  const auto length = std::to_string(job.body.size());
  into.clear();
  into.reserve(job.target->path.size() + job.target->host_header.size() + job.headers.size() +
               job.body.size() + 192);
  into += "POST ";
  into += job.target->path;
  into += " HTTP/1.1\r\nHost: ";
  into += job.target->host_header;
  into +=
      "\r\nUser-Agent: Carillon/" CARILLON_VERSION "\r\nContent-Type: application/json\r\nContent-Length: ";
  into += length;
  into += "\r\n";
  into += job.headers;
  into += "\r\n";
  into += job.body;
}

} // namespace

delivery_connection::delivery_connection(connection_owner& owner, std::shared_ptr<delivery_pool> pool)
    : owner_{owner}, pool_{std::move(pool)}, reader_{{.header = owner.settings().max_response_header,
                                                      .body = owner.settings().max_response_body,
                                                      .excerpt = owner.settings().excerpt}} {
  ++pool_->connections;
}

delivery_connection::~delivery_connection() {
  close_socket();
  --pool_->connections;
}

void delivery_connection::close_socket() {
  if (socket_ < 0)
    return;
  owner_.loop().forget(socket_, *this);
  ::close(std::exchange(socket_, -1));
}

const char* delivery_connection::phase() const {
  switch (state_) {
  case state::connecting:
    return "while connecting";
  case state::handshaking:
    return "in the TLS handshake";
  default:
    return written_ < request_.size() ? "while writing the request" : "while waiting for the answer";
  }
}

// --- connecting
// ---------------------------------------------------------------------------------------------------

void delivery_connection::open(exchange& first) {
  first_ = &first;
  first.connection = this;
  target_ = first.job.target;
  addresses_ = pool_->addresses;
  try_address();
}

void delivery_connection::release() {
  first_ = nullptr;
  // Its deadline was the handshake's.
  if (state_ == state::handshaking)
    owner_.loop().timers().arm(*this, boot_clock::now() + owner_.settings().connect_timeout);
}

void delivery_connection::try_address() {
  const tcp::endpoint endpoint{addresses_[address_], target_->port};
  const int yes = 1;
  hung_up_ = false;
  socket_ = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  std::error_code error;
  if (socket_ < 0 || ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
    error.assign(errno, std::generic_category());
  bool refused = false;
  if (!error && ::connect(socket_, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 &&
      errno != EINPROGRESS) {
    error.assign(errno, std::generic_category());
    refused = true;
  }
  // A connection that is there at once is reported like any other.
  if (!error)
    error = owner_.loop().watch(socket_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  if (!error)
    return owner_.loop().timers().arm(*this, boot_clock::now() + owner_.settings().connect_timeout);
  if (refused)
    return next_address({failure_class::connect,
                         "cannot connect to " + text_of(addresses_[address_], target_->port) + ": " +
                             error.message()});
  fail_to_open({failure_class::connect, "cannot open a socket: " + error.message()});
}

void delivery_connection::on_connect() {
  std::error_code error;
  int code = 0;
  socklen_t length = sizeof code;
  tcp::endpoint remote;
  auto remote_length = static_cast<socklen_t>(remote.capacity());
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &length) != 0 || code != 0)
    error.assign(code != 0 ? code : errno, std::generic_category());
  else if (::getpeername(socket_, remote.data(), &remote_length) != 0)
    error.assign(errno, std::generic_category());
  if (error) {
    const auto where = text_of(addresses_[address_], target_->port);
    return next_address(
        {failure_class::connect, error == std::errc::connection_refused
                                     ? "connection refused by " + where
                                     : "cannot connect to " + where + ": " + error.message()});
  }
  remote.resize(remote_length);
  if (auto why = owner_.judge(remote.address()))
    return fail_to_open({failure_class::egress, *why});
  start_handshake();
}

// Only a failed connect() may be tried at the next address: nothing of the request has left by then.
void delivery_connection::next_address(delivery_failure why) {
  close_socket();
  if (++address_ >= addresses_.size())
    return fail_to_open(std::move(why));
  try_address();
}

void delivery_connection::on_due() {
  if (state_ == state::connecting && first_ != nullptr) {
    const auto where = text_of(addresses_[address_], target_->port);
    next_address({failure_class::timeout, "no connection to " + where + " within " +
                                              std::to_string(owner_.settings().connect_timeout.count()) +
                                              " ms"});
  } else {
    close(); // idle for long, or nobody waits for it
  }
}

// --- TLS
// ----------------------------------------------------------------------------------------------------------

void delivery_connection::start_handshake() {
  state_ = state::handshaking;
  handshake_start_ = boot_clock::now();
  owner_.loop().timers().disarm(*this);
  if (first_ == nullptr)
    release();
  tls_ = owner_.tls().connect(socket_, *target_, pool_->mode, pool_->session);
  if (!tls_)
    return fail_to_open({failure_class::tls, "cannot start TLS: " + tls_failure(nullptr, "out of memory")});
  if (owner_.roomy())
    SSL_clear_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS);
  continue_handshake();
}

void delivery_connection::continue_handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1)
    return on_handshake_done();
  switch (SSL_get_error(tls_.get(), result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return;
  default:
    auto why = tls_failure(tls_.get(), "the connection was closed in the handshake");
    pool_->session.session.reset(); // should it be the session's fault, the next connection does without
    return fail_to_open({failure_class::tls, std::move(why)});
  }
}

void delivery_connection::on_handshake_done() {
  handshake_took_ = milliseconds_between(handshake_start_, boot_clock::now());
  state_ = state::idle;
  owner_.on_opening_ended(pool_);
  if (first_ != nullptr)
    send(owner_.take_waiting(*std::exchange(first_, nullptr)));
  else
    become_idle();
  read_some(); // the server's session tickets, and from now on whatever comes
}

void delivery_connection::fail_to_open(delivery_failure why) {
  auto failed = first_ != nullptr ? owner_.take_waiting(*std::exchange(first_, nullptr)) : nullptr;
  close();
  if (failed)
    owner_.on_failed(std::move(failed), std::move(why));
}

// --- the exchange
// -------------------------------------------------------------------------------------------------

bool delivery_connection::usable() {
  if (state_ != state::idle)
    return false;
  char byte = 0;
  const auto seen = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK;
  read_some(); // closes at the stream's end, a close_notify or an answer nobody asked for; keeps for a ticket
  return state_ == state::idle;
}

void delivery_connection::send(std::unique_ptr<exchange> next) {
  exchange_ = std::move(next);
  exchange_->connection = this;
  owner_.loop().timers().disarm(*this);
  // Of the time that it waited for a connection, some was the handshake's.
  if (auto& timing = exchange_->result.timing; timing.connect && handshake_took_) {
    timing.tls = std::min(*timing.connect, *handshake_took_);
    *timing.connect -= *timing.tls;
  }
  handshake_took_.reset();
  start_request();
}

void delivery_connection::start_request() {
  state_ = state::exchanging;
  reader_.reset();
  build_request(exchange_->job, request_);
  written_ = 0;
  const auto now = boot_clock::now();
  if (now >= exchange_->job.deadline) {
    // Nothing was written, so the connection is as good as before.
    state_ = state::idle;
    owner_.on_failed(std::move(exchange_),
                     {failure_class::timeout, "the deadline passed before the first byte"});
    return become_idle();
  }
  exchange_->result.first_byte = now;
  exchange_->phase_start = now;
  write_some();
}

void delivery_connection::write_some() {
  while (written_ < request_.size()) {
    std::size_t taken = 0;
    ERR_clear_error();
    errno = 0;
    const int result =
        SSL_write_ex(tls_.get(), request_.data() + written_, request_.size() - written_, &taken);
    // Behind the write: were the process paused just before it, windows would else free that much too early.
    if (written_ == 0)
      exchange_->result.first_byte = boot_clock::now();
    if (result == 1) {
      config::fault_point("post-started");
      written_ += taken;
      continue;
    }
    switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_WANT_READ:
      return;
    default:
      auto why = tls_failure(tls_.get(), "the connection was closed");
      // A receiver that answers early and closes (413) breaks our writing: its answer may be there to read.
      read_some();
      if (state_ == state::exchanging)
        fail({failure_class::protocol, "writing the request failed: " + why});
      return;
    }
  }
}

void delivery_connection::read_some() {
  auto& scratch = owner_.scratch();
  while (state_ == state::exchanging || state_ == state::idle) {
    std::size_t got = 0;
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(tls_.get(), scratch.data(), scratch.size(), &got);
    if (result != 1) {
      const int error = SSL_get_error(tls_.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
      return on_stream_end(error);
    }
    if (state_ == state::idle)
      return close(); // an answer that nobody asked for
    switch (reader_.feed({scratch.data(), got})) {
    case response_reader::progress::more:
      break;
    case response_reader::progress::complete:
      answered(reader_.keep_alive() && written_ == request_.size() && !hung_up_);
      // Most often there is nothing more: save the read() that would say so.
      if (state_ == state::idle && SSL_has_pending(tls_.get()) == 0)
        return;
      break;
    case response_reader::progress::enough:
      return answered(false);
    case response_reader::progress::malformed:
      if (reader_.has_head())
        return answered(false);
      return fail({failure_class::protocol, reader_.error()});
    }
  }
}

void delivery_connection::on_stream_end(int ssl_error) {
  auto why = ssl_error == SSL_ERROR_ZERO_RETURN ? std::string{} : tls_failure(tls_.get(), "");
  if (state_ == state::idle)
    return close();
  if (reader_.end_of_stream() == response_reader::progress::complete || reader_.has_head())
    return answered(false);
  auto detail = reader_.error();
  if (!why.empty())
    detail += ": " + why;
  fail({failure_class::protocol, std::move(detail)});
}

// The status line and headers are the answer: a body that breaks off or never ends doesn't take it back.
void delivery_connection::answered(bool reusable) {
  auto& result = exchange_->result;
  const int status = reader_.status();
  result.status_code = static_cast<std::uint16_t>(status);
  result.state =
      status >= 200 && status <= 299 ? notification_state::delivered : notification_state::rejected;
  if (status == 429 || status == 503)
    result.retry_after = reader_.retry_after(domain::wall_now());
  result.response_excerpt = reader_.excerpt();
  result.ended = boot_clock::now();
  result.timing.response = milliseconds_between(exchange_->phase_start, result.ended);
  state_ = state::idle;
  owner_.on_answered(std::move(exchange_));
  if (request_.capacity() > kept_request_capacity)
    std::string{}.swap(request_);
  if (!reusable)
    return close();
  become_idle();
}

void delivery_connection::become_idle() {
  if (pool_->retired)
    return close();
  owner_.loop().timers().arm(*this, boot_clock::now() + owner_.settings().idle_timeout);
  owner_.on_idle(*this);
}

void delivery_connection::abort(delivery_failure why) {
  if (state_ == state::exchanging && reader_.has_head())
    return answered(false);
  fail(std::move(why));
}

void delivery_connection::fail(delivery_failure why) {
  if (exchange_->result.first_byte)
    exchange_->result.timing.response = milliseconds_between(exchange_->phase_start, boot_clock::now());
  auto done = std::move(exchange_);
  close();
  owner_.on_failed(std::move(done), std::move(why));
}

void delivery_connection::close() {
  if (state_ == state::closed)
    return;
  const bool polite = state_ == state::idle;
  const bool was_opening = opening();
  state_ = state::closed;
  owner_.loop().timers().disarm(*this);
  if (tls_ && polite) {
    ERR_clear_error();
    SSL_shutdown(tls_.get()); // tells the receiver; doesn't wait for its answer
    ERR_clear_error();
  }
  close_socket();
  tls_.reset();
  if (was_opening)
    owner_.on_opening_ended(pool_);
  owner_.on_closed(*this);
}

// --- readiness
// ----------------------------------------------------------------------------------------------------

void delivery_connection::on_ready(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    hung_up_ = true;
  switch (state_) {
  case state::connecting:
    return on_connect();
  case state::handshaking:
    return continue_handshake();
  case state::exchanging:
  case state::idle:
    // Room to write is of interest to a read only while TLS itself has something to say.
    if (events != EPOLLOUT || written_ == request_.size())
      read_some();
    if (state_ == state::exchanging && written_ < request_.size())
      write_some();
    return;
  case state::closed:
    return;
  }
}

} // namespace carillon::net
