#pragma once

#include "coordination/etcd_requests.hpp"
#include "net/host_lookup.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Internal to the etcd store: one endpoint, and one connection to it.
namespace carillon::coordination {

using steady = std::chrono::steady_clock;

/// What is cancelled when the store closes. Everything on its thread.
class closing_list {
public:
  class item {
  public:
    explicit item(closing_list& list) : list_{list} { list_.items_.insert(this); }
    virtual ~item() { list_.items_.erase(this); }
    item(const item&) = delete;
    item& operator=(const item&) = delete;
    /// Ends what waits now; whoever waits looks at `closed`.
    virtual void cancel() = 0;

  protected:
    bool closed() const { return list_.closed_; }

  private:
    closing_list& list_;
  };

  bool closed() const { return closed_; }
  void close();

private:
  bool closed_ = false;
  std::set<item*> items_;
};

/// Where one member of etcd listens, and its addresses.
class etcd_endpoint {
public:
  /// Throws std::runtime_error naming the URL.
  etcd_endpoint(boost::asio::io_context& io, std::string url);

  const std::string& url() const { return url_; }
  const std::string& host() const { return host_; }
  bool tls() const { return tls_; }
  bool literal() const { return literal_; }

  /// Its addresses, asked for when there are none yet or when they are old; old ones serve until then, so that
  /// a dead name server delays nobody who was connected before. Empty when the deadline passes.
  boost::asio::awaitable<std::vector<boost::asio::ip::tcp::endpoint>> addresses(steady::time_point deadline);

  void close();

private:
  void ask();

  std::string url_, host_;
  std::uint16_t port_ = 0;
  bool tls_ = false;
  bool literal_ = false;
  boost::asio::io_context& io_;
  std::set<boost::asio::steady_timer*> waiting_; ///< for an answer, each with its own deadline
  bool asking_ = false;
  bool closed_ = false;
  std::vector<boost::asio::ip::tcp::endpoint> known_;
  steady::time_point asked_at_{};
  net::host_lookup lookup_; ///< last: its answer uses the others
};

struct http_reply {
  unsigned status = 0;
  std::string body;
};

/// One connection. Its functions throw boost::system::system_error.
class etcd_connection final : closing_list::item {
public:
  etcd_connection(boost::asio::io_context& io, boost::asio::ssl::context& tls, closing_list& closing);

  /// Connects and shakes hands; `deadline` holds for all that follows.
  boost::asio::awaitable<void> open(etcd_endpoint& to, steady::time_point deadline);

  /// One request and its answer, of bounded size.
  boost::asio::awaitable<http_reply> exchange(const etcd_endpoint& to, etcd_request request);

  /// A request whose answer has no end; the reply has a body when its status isn't 200.
  boost::asio::awaitable<http_reply> begin_stream(const etcd_endpoint& to, etcd_request request);
  /// The next line of the stream, of bounded length; empty at its end.
  boost::asio::awaitable<std::string> next_line();
  /// From now on the stream may be silent for ever.
  void wait_for_ever();

  void cancel() override;

private:
  boost::asio::awaitable<void> send(const etcd_endpoint& to, etcd_request request);

  using tcp_stream = boost::beast::tcp_stream;
  boost::asio::ssl::stream<tcp_stream> stream_; ///< its inner layer alone for http
  bool tls_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::response_parser<boost::beast::http::buffer_body>> streaming_;
  std::string lines_;     ///< of the stream
  std::size_t taken_ = 0; ///< of those, handed out
};

/// The settings for https endpoints. Throws std::runtime_error naming the file.
boost::asio::ssl::context make_etcd_tls(const std::string& ca_file, const std::string& certificate_file,
                                        const std::string& key_file);

} // namespace carillon::coordination
