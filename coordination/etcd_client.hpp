#pragma once

#include "coordination/etcd_connection.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

/// Internal to the etcd store: asks one endpoint after the other.
namespace carillon::coordination {

/// Whether a request may be said again when nobody knows what became of it.
enum class repeatable : bool { no, yes };

/// Takes an answer's body, keeps what the caller wants of it and says which store it speaks of. Throws
/// json_mismatch. May be called once more after a body whose store turned out to be another one.
using read_answer = std::function<etcd_header(const std::string& body)>;

/// Everything on one thread; outlives what it starts.
class etcd_client {
public:
  etcd_client(boost::asio::io_context& io, const std::vector<std::string>& urls, boost::asio::ssl::context tls,
              std::chrono::milliseconds attempt_timeout);

  /// Asks the endpoints in turn, beginning with the one that answered last, each once, until `read` takes an
  /// answer of this cluster. Nothing, or why there is none; then nothing that was read counts.
  ///
  /// A request that isn't repeatable goes only to a member that has just said that it belongs to this cluster
  /// and has a leader, and to no other one once its first byte may have been written.
  boost::asio::awaitable<std::optional<call_error>> ask(etcd_request request, repeatable again, read_answer read);

  /// Takes a header's word for the cluster when there is none yet; the error when it names another one.
  std::optional<call_error> check_cluster(const etcd_header& header);
  /// The endpoint to begin with is another one than `from`, which failed.
  void turn_away(const etcd_endpoint& from);
  etcd_endpoint& first() { return endpoints_[first_]; }

  boost::asio::io_context& io() { return io_; }
  boost::asio::ssl::context& tls() { return tls_; }
  closing_list& closing() { return closing_; }
  std::chrono::milliseconds attempt_timeout() const { return attempt_timeout_; }
  void close();

  /// Waits; shorter when the store closes.
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

private:
  boost::asio::awaitable<std::optional<call_error>> attempt(etcd_endpoint& at, const etcd_request& request,
                                                            repeatable again, const read_answer& read);
  std::optional<call_error> judge(const http_reply& reply, const read_answer& read);

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
