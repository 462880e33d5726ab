#include "net/delivery_connection.hpp"

#include "config/fault_points.hpp"

#include <boost/asio/io_context.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

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

constexpr std::size_t kept_request_capacity = 16 * 1024; // idle connections shouldn't hold on to large buffers

std::string text_of(const asio::ip::address& address, std::uint16_t port) {
  return (address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" + std::to_string(port);
}

void build_request(const delivery_job& job, std::string& into) {
  const auto length = std::to_string(job.body.size());
  into.clear();
  into.reserve(job.target->path.size() + job.target->host_header.size() + job.headers.size() + job.body.size() + 192);
  into += "POST ";
  into += job.target->path;
  into += " HTTP/1.1\r\nHost: ";
  into += job.target->host_header;
  into += "\r\nUser-Agent: Carillon/" CARILLON_VERSION "\r\nContent-Type: application/json\r\nContent-Length: ";
  into += length;
  into += "\r\n";
  into += job.headers;
  into += "\r\n";
  into += job.body;
}

} // namespace

delivery_connection::delivery_connection(asio::io_context& loop, connection_owner& owner,
                                         std::shared_ptr<delivery_pool> pool)
    : socket_{loop}, owner_{owner}, pool_{std::move(pool)},
      reader_{{.header = owner.settings().max_response_header,
               .body = owner.settings().max_response_body,
               .excerpt = owner.settings().excerpt}} {
  ++pool_->connections;
}

delivery_connection::~delivery_connection() { --pool_->connections; }

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

std::uint32_t delivery_connection::end_phase() {
  const auto now = boot_clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - exchange_->phase_start).count();
  exchange_->phase_start = now;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(took, 0));
}

// --- connecting ---------------------------------------------------------------------------------------------------

void delivery_connection::open(std::unique_ptr<exchange> first, std::vector<asio::ip::address> addresses) {
  exchange_ = std::move(first);
  exchange_->connection = this;
  addresses_ = std::move(addresses);
  exchange_->phase_start = boot_clock::now();
  try_address();
}

void delivery_connection::try_address() {
  const tcp::endpoint endpoint{addresses_[address_], exchange_->job.target->port};
  boost::system::error_code error;
  socket_.open(endpoint.protocol(), error);
  if (!error)
    socket_.non_blocking(true, error);
  if (!error)
    socket_.native_non_blocking(true, error);
  if (!error)
    socket_.set_option(tcp::no_delay{true}, error);
  if (error)
    return fail({failure_class::connect, "cannot open a socket: " + error.message()});
  owner_.timers().arm(*this, boot_clock::now() + owner_.settings().connect_timeout);
  socket_.async_connect(endpoint, [self = shared_from_this(), attempt = address_](boost::system::error_code result) {
    // After a timeout the next address is already being tried, or the connection is closed.
    if (self->state_ == state::connecting && self->address_ == attempt)
      self->on_connect(result);
  });
}

void delivery_connection::on_connect(boost::system::error_code error) {
  const auto where = text_of(addresses_[address_], exchange_->job.target->port);
  if (error == asio::error::connection_refused)
    return next_address({failure_class::connect, "connection refused by " + where});
  if (error)
    return next_address({failure_class::connect, "cannot connect to " + where + ": " + error.message()});
  const auto remote = socket_.remote_endpoint(error);
  if (error)
    return next_address({failure_class::connect, "cannot connect to " + where + ": " + error.message()});
  if (auto why = owner_.judge(remote.address()))
    return fail({failure_class::egress, *why});
  owner_.timers().disarm(*this);
  exchange_->result.timing.connect = end_phase();
  start_handshake();
}

// Only a failed connect() may be tried at the next address: nothing of the request has left by then.
void delivery_connection::next_address(delivery_failure why) {
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (++address_ >= addresses_.size())
    return fail(std::move(why));
  try_address();
}

void delivery_connection::on_due() {
  const auto self = shared_from_this();
  if (state_ == state::connecting) {
    const auto where = text_of(addresses_[address_], exchange_->job.target->port);
    next_address({failure_class::timeout, "no connection to " + where + " within " +
                                              std::to_string(owner_.settings().connect_timeout.count()) + " ms"});
  } else if (state_ == state::idle) {
    close();
  }
}

// --- TLS ----------------------------------------------------------------------------------------------------------

void delivery_connection::start_handshake() {
  state_ = state::handshaking;
  tls_ = owner_.tls().connect(socket_.native_handle(), *exchange_->job.target, pool_->mode, pool_->session);
  if (!tls_)
    return fail({failure_class::tls, "cannot start TLS: " + tls_failure(nullptr, "out of memory")});
  continue_handshake();
}

void delivery_connection::continue_handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) {
    exchange_->result.timing.tls = end_phase();
    start_request();
    if (state_ != state::closed)
      read_some(); // the server's session tickets, and from now on whatever comes
    return;
  }
  switch (SSL_get_error(tls_.get(), result)) {
  case SSL_ERROR_WANT_READ:
    return wait_read();
  case SSL_ERROR_WANT_WRITE:
    return wait_write();
  default:
    auto why = tls_failure(tls_.get(), "the connection was closed in the handshake");
    pool_->session.session.reset(); // should it be the session's fault, the next connection does without
    return fail({failure_class::tls, std::move(why)});
  }
}

// --- the exchange -------------------------------------------------------------------------------------------------

bool delivery_connection::usable() {
  if (state_ != state::idle)
    return false;
  char byte = 0;
  const auto seen = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK;
  read_some(); // closes at the stream's end, a close_notify or an answer nobody asked for; keeps for a ticket
  return state_ == state::idle;
}

void delivery_connection::send(std::unique_ptr<exchange> next) {
  exchange_ = std::move(next);
  exchange_->connection = this;
  owner_.timers().disarm(*this);
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
    owner_.on_failed(std::move(exchange_), {failure_class::timeout, "the deadline passed before the first byte"});
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
    const int result = SSL_write_ex(tls_.get(), request_.data() + written_, request_.size() - written_, &taken);
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
      return wait_write();
    case SSL_ERROR_WANT_READ:
      return wait_read();
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
  const auto self = shared_from_this();
  auto& scratch = owner_.scratch();
  while (state_ == state::exchanging || state_ == state::idle) {
    std::size_t got = 0;
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(tls_.get(), scratch.data(), scratch.size(), &got);
    if (result != 1) {
      const int error = SSL_get_error(tls_.get(), result);
      if (error == SSL_ERROR_WANT_READ)
        return wait_read();
      if (error == SSL_ERROR_WANT_WRITE)
        return wait_write();
      return on_stream_end(error);
    }
    if (state_ == state::idle)
      return close(); // an answer that nobody asked for
    switch (reader_.feed({scratch.data(), got})) {
    case response_reader::progress::more:
      break;
    case response_reader::progress::complete:
      answered(reader_.keep_alive() && written_ == request_.size());
      // Most often there is nothing more: save the read() that would say so.
      if (state_ == state::idle && SSL_has_pending(tls_.get()) == 0)
        return wait_read();
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
  result.state = status >= 200 && status <= 299 ? notification_state::delivered : notification_state::rejected;
  if (status == 429 || status == 503)
    result.retry_after = reader_.retry_after(domain::wall_now());
  result.response_excerpt = reader_.excerpt();
  result.timing.response = end_phase();
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
  owner_.timers().arm(*this, boot_clock::now() + owner_.settings().idle_timeout);
  owner_.on_idle(shared_from_this());
}

void delivery_connection::abort(delivery_failure why) {
  const auto self = shared_from_this();
  if (state_ == state::exchanging && reader_.has_head())
    return answered(false);
  fail(std::move(why));
}

void delivery_connection::fail(delivery_failure why) {
  const auto self = shared_from_this();
  if (exchange_->result.first_byte)
    exchange_->result.timing.response = end_phase();
  auto done = std::move(exchange_);
  close();
  owner_.on_failed(std::move(done), std::move(why));
}

void delivery_connection::close() {
  if (state_ == state::closed)
    return;
  const bool polite = state_ == state::idle;
  state_ = state::closed;
  owner_.timers().disarm(*this);
  const auto self = shared_from_this();
  if (tls_ && polite) {
    ERR_clear_error();
    SSL_shutdown(tls_.get()); // tells the receiver; doesn't wait for its answer
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  tls_.reset();
  owner_.on_closed(*this);
}

// --- waiting ------------------------------------------------------------------------------------------------------

void delivery_connection::wait_read() {
  if (waiting_read_)
    return;
  waiting_read_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](boost::system::error_code) {
    self->waiting_read_ = false;
    self->on_ready();
  });
}

void delivery_connection::wait_write() {
  if (waiting_write_)
    return;
  waiting_write_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](boost::system::error_code) {
    self->waiting_write_ = false;
    self->on_ready();
  });
}

void delivery_connection::on_ready() {
  if (state_ == state::handshaking)
    return continue_handshake();
  if (state_ != state::exchanging && state_ != state::idle)
    return;
  read_some();
  if (state_ == state::exchanging && written_ < request_.size())
    write_some();
}

} // namespace carillon::net
