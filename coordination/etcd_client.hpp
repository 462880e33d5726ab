#pragma once

#include "coordination/etcd_connection.hpp"

#include <cstddef>
#include <deque>
#include <string>

/// Internal to the etcd store: asks one endpoint after the other.
namespace carillon::coordination {

/// Whether a request may be said again when nobody knows what became of it.
enum class repeatable : bool { no, yes };

/// What became of a request: an answer (status 200), or why there is none.
struct etcd_reply {
  std::optional<call_error> error;
  std::string body;
  const etcd_endpoint* from = nullptr;
};

/// Everything on one thread; outlives what it starts.
class etcd_client {
public:
  etcd_client(boost::asio::io_context& io, const std::vector<std::string>& urls, boost::asio::ssl::context tls,
              std::chrono::milliseconds attempt_timeout);

  /// Asks the endpoints in turn, beginning with the one that answered last, each once.
  ///
  /// A request that isn't repeatable goes only to a member that has just said that it belongs to this cluster
  /// and has a leader, and to no other one once its first byte may have been written.
  boost::asio::awaitable<etcd_reply> ask(etcd_request request, repeatable again);

  /// Takes a header's word for the cluster when there is none yet; the error when it names another one.
  std::optional<call_error> check_cluster(const etcd_header& header, const std::string& url);
  /// The endpoint to begin with is another one.
  void turn_away() { first_ = (first_ + 1) % endpoints_.size(); }
  etcd_endpoint& first() { return endpoints_[first_]; }

  boost::asio::io_context& io() { return io_; }
  boost::asio::ssl::context& tls() { return tls_; }
  closing_list& closing() { return closing_; }
  std::chrono::milliseconds attempt_timeout() const { return attempt_timeout_; }
  void close();

  /// Waits; shorter when the store closes.
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

private:
  boost::asio::awaitable<etcd_reply> attempt(etcd_endpoint& at, etcd_request request, repeatable again);

  boost::asio::io_context& io_;
  boost::asio::ssl::context tls_;
  std::chrono::milliseconds attempt_timeout_;
  std::deque<etcd_endpoint> endpoints_;
  std::size_t first_ = 0;
  std::uint64_t cluster_ = 0; ///< 0: none has answered yet
  closing_list closing_;
};

/// A timer that the store's end, too, ends.
class closing_timer final : public closing_list::item {
public:
  closing_timer(boost::asio::io_context& io, closing_list& closing) : item{closing}, timer_{io} {}
  boost::asio::awaitable<void> wait(std::chrono::milliseconds time);
  void cancel() override { timer_.cancel(); }

private:
  boost::asio::steady_timer timer_;
};

} // namespace carillon::coordination
