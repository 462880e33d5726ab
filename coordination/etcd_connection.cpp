#include "coordination/etcd_connection.hpp"

#include "config/text_value.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace carillon::coordination {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using boost::system::error_code;
using boost::system::system_error;

namespace {

/// Of an answer's head: etcd's are about 200 bytes.
constexpr std::uint32_t longest_head = 16 << 10;
/// Of an answer's body and of one line of a stream: 128 shards and their nodes take 50 KiB; etcd's own limit of
/// a request is 1.5 MB.
constexpr std::uint64_t longest_body = std::uint64_t{4} << 20;
/// What is read at once.
constexpr std::size_t longest_read = 64 << 10;
/// How long addresses serve before they are asked for again.
constexpr std::chrono::seconds addresses_age{30};

} // namespace

void closing_list::close() {
  closed_ = true;
  // `cancel` may end items, but only later, from the loop.
  for (auto* each : items_)
    each->cancel();
}

etcd_endpoint::etcd_endpoint(asio::io_context& io, std::string url)
    : url_{std::move(url)}, io_{io}, lookup_{io} {
  const auto parts = config::parse_endpoint(url_);
  if (!parts)
    throw std::runtime_error("the endpoint \"" + url_ + "\" must be http:// or https:// with a host and a port");
  host_ = parts->host;
  port_ = parts->port;
  tls_ = parts->tls;
  error_code none;
  const auto address = asio::ip::make_address(host_, none);
  literal_ = !none;
  if (literal_)
    known_.emplace_back(address, parts->port);
}

void etcd_endpoint::ask() {
  asking_ = true;
  lookup_.ask(host_, [this](const std::vector<asio::ip::address>& found) {
    asking_ = false;
    asked_at_ = steady::now();
    if (!found.empty())
      known_.clear();
    for (const auto& address : found)
      known_.emplace_back(address, port_);
    for (auto* each : waiting_)
      each->cancel();
  });
}

asio::awaitable<std::vector<asio::ip::tcp::endpoint>> etcd_endpoint::addresses(steady::time_point deadline) {
  if (!literal_ && !asking_ && (known_.empty() || steady::now() - asked_at_ > addresses_age))
    ask();
  while (known_.empty() && asking_ && !closed_ && steady::now() < deadline) {
    asio::steady_timer answered{io_, deadline};
    waiting_.insert(&answered);
    error_code ignored;
    co_await answered.async_wait(asio::redirect_error(use_awaitable, ignored));
    waiting_.erase(&answered);
  }
  co_return known_;
}

void etcd_endpoint::close() {
  closed_ = true;
  for (auto* each : waiting_)
    each->cancel();
}

etcd_connection::etcd_connection(asio::io_context& io, asio::ssl::context& tls, closing_list& closing)
    : item{closing}, stream_{io, tls}, buffer_{longest_read} {}

void etcd_connection::cancel() {
  stream_.next_layer().close();
}

asio::awaitable<void> etcd_connection::open(etcd_endpoint& to, steady::time_point deadline) {
  const auto addresses = co_await to.addresses(deadline);
  if (addresses.empty())
    throw system_error{asio::error::host_not_found};
  if (closed())
    throw system_error{asio::error::operation_aborted};
  auto& tcp = stream_.next_layer();
  tcp.expires_at(deadline);
  co_await tcp.async_connect(addresses, use_awaitable);
  tcp.socket().set_option(asio::ip::tcp::no_delay{true});
  tls_ = to.tls();
  if (!tls_)
    co_return;
  if (!to.literal())
    SSL_set_tlsext_host_name(stream_.native_handle(), to.host().c_str());
  stream_.set_verify_callback(asio::ssl::host_name_verification{to.host()});
  co_await stream_.async_handshake(asio::ssl::stream_base::client, use_awaitable);
}

asio::awaitable<void> etcd_connection::send(const etcd_endpoint& to, etcd_request request) {
  http::request<http::string_body> message{http::verb::post, request.path, 11};
  message.set(http::field::host, to.url().substr(to.url().find("//") + 2));
  message.set(http::field::content_type, "application/json");
  // Else a watch on a member that lost its leader stays silent.
  message.set("Grpc-Metadata-hasleader", "true");
  message.body() = std::move(request.body);
  message.prepare_payload();
  if (tls_)
    co_await http::async_write(stream_, message, use_awaitable);
  else
    co_await http::async_write(stream_.next_layer(), message, use_awaitable);
}

asio::awaitable<http_reply> etcd_connection::exchange(const etcd_endpoint& to, etcd_request request) {
  co_await send(to, std::move(request));
  http::response_parser<http::string_body> parser;
  parser.header_limit(longest_head);
  parser.body_limit(longest_body);
  if (tls_)
    co_await http::async_read(stream_, buffer_, parser, use_awaitable);
  else
    co_await http::async_read(stream_.next_layer(), buffer_, parser, use_awaitable);
  co_return http_reply{parser.get().result_int(), std::move(parser.get().body())};
}

asio::awaitable<http_reply> etcd_connection::begin_stream(const etcd_endpoint& to, etcd_request request) {
  co_await send(to, std::move(request));
  streaming_.emplace();
  streaming_->header_limit(longest_head);
  streaming_->body_limit(boost::none); // of all lines together; each has its own limit
  if (tls_)
    co_await http::async_read_header(stream_, buffer_, *streaming_, use_awaitable);
  else
    co_await http::async_read_header(stream_.next_layer(), buffer_, *streaming_, use_awaitable);
  http_reply out{streaming_->get().result_int(), {}};
  if (out.status != 200)
    out.body = co_await next_line();
  co_return out;
}

asio::awaitable<std::string> etcd_connection::next_line() {
  std::string block(longest_read, '\0');
  auto searched = taken_;
  for (;;) {
    if (const auto end = lines_.find('\n', searched); end != std::string::npos) {
      auto line = lines_.substr(taken_, end - taken_);
      searched = taken_ = end + 1;
      if (!line.empty())
        co_return line;
      continue;
    }
    lines_.erase(0, std::exchange(taken_, 0));
    searched = lines_.size();
    if (lines_.size() > longest_body)
      throw system_error{http::make_error_code(http::error::body_limit)};
    if (streaming_->is_done())
      co_return std::exchange(lines_, {});
    auto& body = streaming_->get().body();
    body.data = block.data();
    body.size = block.size();
    body.more = true;
    error_code ec;
    if (tls_)
      co_await http::async_read_some(stream_, buffer_, *streaming_, asio::redirect_error(use_awaitable, ec));
    else
      co_await http::async_read_some(stream_.next_layer(), buffer_, *streaming_,
                                     asio::redirect_error(use_awaitable, ec));
    lines_.append(block.data(), block.size() - body.size);
    if (ec && ec != http::error::need_buffer)
      throw system_error{ec};
  }
}

void etcd_connection::wait_for_ever() {
  stream_.next_layer().expires_never();
}

asio::ssl::context make_etcd_tls(const std::string& ca_file, const std::string& certificate_file,
                                 const std::string& key_file) {
  asio::ssl::context out{asio::ssl::context::tls_client};
  SSL_CTX_set_min_proto_version(out.native_handle(), TLS1_2_VERSION);
  out.set_verify_mode(asio::ssl::verify_peer);
  error_code ec;
  const auto check = [&](const std::string& file) {
    if (ec)
      throw std::runtime_error("can't use " + file + " for etcd: " + ec.message());
  };
  if (ca_file.empty())
    out.set_default_verify_paths();
  else
    out.load_verify_file(ca_file, ec), check(ca_file);
  if (!certificate_file.empty())
    out.use_certificate_chain_file(certificate_file, ec), check(certificate_file);
  if (!key_file.empty())
    out.use_private_key_file(key_file, asio::ssl::context::pem, ec), check(key_file);
  return out;
}

} // namespace carillon::coordination
