#include "net/node_link.hpp"

#include "config/logging.hpp"
#include "net/host_lookup.hpp"
#include "net/link_connection.hpp"
#include "net/link_tls.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <pthread.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace carillon::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using config::log_level;
using clock = std::chrono::steady_clock;

/// After an accept that failed for want of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};

/// Lines about connections that became no link: so many in so long, because anybody can cause them.
constexpr std::size_t failure_lines = 10;
constexpr std::chrono::seconds failure_lines_window{10};

link_error error_of(link_refusal_code code) {
  switch (code) {
  case link_refusal_code::cluster:
    return link_error::cluster;
  case link_refusal_code::version:
    return link_error::version;
  case link_refusal_code::identity:
    return link_error::identity;
  case link_refusal_code::busy:
    return link_error::busy;
  case link_refusal_code::protocol:
    break;
  }
  return link_error::protocol;
}

link_failure refused_by_peer(const link_refusal& refusal) {
  return {error_of(refusal.code), "the peer refused: " + refusal.reason};
}

link_failure refused_here(const link_refusal& refusal) {
  return {error_of(refusal.code), "refused: " + refusal.reason};
}

const link_failure out_of_turn{link_error::protocol, "the peer spoke out of turn"};

/// Logs connections that failed, but only so many in a time.
class failure_log {
public:
  void write(std::string_view message, const std::string& remote, const link_failure& failure) {
    const auto now = clock::now();
    if (now - window_ >= failure_lines_window) {
      if (lines_ > failure_lines)
        config::log(log_level::warning, "more node links failed than were logged", {{"count", lines_ - failure_lines}});
      window_ = now;
      lines_ = 0;
    }
    if (++lines_ <= failure_lines)
      config::log(log_level::warning, message,
                  {{"remote", remote}, {"error", to_string(failure.error)}, {"detail", failure.detail}});
  }

private:
  clock::time_point window_{};
  std::size_t lines_ = 0;
};

} // namespace

std::string_view to_string(link_error what) {
  switch (what) {
  case link_error::unreachable:
    return "unreachable";
  case link_error::broken:
    return "broken";
  case link_error::certificate:
    return "certificate";
  case link_error::protocol:
    return "protocol";
  case link_error::cluster:
    return "cluster";
  case link_error::version:
    return "version";
  case link_error::identity:
    return "identity";
  case link_error::busy:
    return "busy";
  case link_error::stopped:
    return "stopped";
  }
  return "unknown";
}

bool link_failure::retryable() const {
  return error == link_error::unreachable || error == link_error::broken || error == link_error::identity ||
         error == link_error::busy;
}

class node_links::impl {
public:
  using connection_ptr = std::shared_ptr<link_connection>;
  template <class T>
  using awaitable = asio::awaitable<T>;
  using outcome = std::variant<node_link, link_failure>;

  explicit impl(node_link_settings settings)
      : settings_{std::move(settings)}, tls_{load()}, acceptor_{context_, listen_endpoint(settings_.listen).protocol(),
                                                              listen_on(settings_.listen).release()} {}

  ~impl() { stop(); }

  void start(node_link_events events) {
    events_ = std::move(events);
    guard_.emplace(asio::make_work_guard(context_));
    spawn(accept_all());
    thread_ = std::thread{[this] { context_.run(); }};
    pthread_setname_np(thread_.native_handle(), "links");
  }

  std::string address() const { return address_; }

  std::uint64_t connect(std::string address, std::string node, connect_callback done) {
    const auto id = last_id_.fetch_add(1) + 1;
    asio::post(context_, [this, id, address = std::move(address), node = std::move(node), done = std::move(done)] {
      spawn(dial(id, address, node, done));
    });
    return id;
  }

  void close(std::uint64_t id) {
    asio::post(context_, [this, id] {
      if (const auto found = connections_.find(id); found != connections_.end())
        found->second->abort();
    });
  }

  bool post(std::uint64_t id, std::string message) {
    const auto over = standing(id);
    return over && over->post(std::move(message));
  }

  bool goes_both_ways(std::uint64_t id, std::chrono::milliseconds within) const {
    const auto over = standing(id);
    return over && over->goes_both_ways(within);
  }

  void reload() {
    auto fresh = load();
    const std::lock_guard lock{mutex_};
    tls_ = std::move(fresh);
  }

  void stop() {
    if (!thread_.joinable())
      return;
    asio::post(context_, [this] {
      stopping_ = true;
      error_code ec;
      acceptor_.close(ec);
      pause_.cancel();
      for (auto& [id, connection] : connections_)
        connection->abort();
    });
    thread_.join();
    events_ = {};
  }

  std::size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }

private:
  link_tls load() const { return load_link_tls(settings_.certificate, settings_.key, settings_.ca); }

  std::shared_ptr<link_connection> standing(std::uint64_t id) const {
    const std::lock_guard lock{mutex_};
    const auto found = standing_.find(id);
    return found == standing_.end() ? nullptr : found->second;
  }

  link_tls tls() {
    const std::lock_guard lock{mutex_};
    return tls_;
  }

  void spawn(awaitable<void> what) {
    ++running_;
    asio::co_spawn(context_, std::move(what), [this](const std::exception_ptr& thrown) {
      try {
        if (thrown)
          std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        config::log(log_level::error, "a node link failed", {{"error", error.what()}});
      }
      if (--running_ == 0 && stopping_)
        context_.stop();
    });
  }

  awaitable<void> accept_all() {
    constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
    while (!stopping_) {
      auto [ec, socket] = co_await acceptor_.async_accept(as_result);
      if (!ec) {
        admit(std::move(socket));
      } else if (!stopping_) {
        // Out of descriptors, mostly: without a pause this would spin until one is free.
        pause_.expires_after(accept_pause);
        co_await pause_.async_wait(as_result);
      }
    }
  }

  void admit(tcp::socket socket) {
    // Whoever really is a peer shows it within milliseconds: room is made at the cost of who waits longest.
    if (strangers_.size() >= settings_.max_strangers) {
      const auto oldest = *strangers_.begin();
      strangers_.erase(strangers_.begin());
      connections_.at(oldest)->abort();
    }
    const auto id = last_id_.fetch_add(1) + 1;
    auto connection = std::make_shared<link_connection>(std::move(socket), *tls().server);
    connections_.emplace(id, connection);
    strangers_.insert(id);
    spawn(serve(id, std::move(connection)));
  }

  awaitable<void> serve(std::uint64_t id, connection_ptr connection) {
    connection->set_deadline(settings_.handshake_timeout);
    auto result = co_await receive_peer(id, *connection);
    strangers_.erase(id);
    if (const auto* failed = std::get_if<link_failure>(&result)) {
      failures_.write("a connection became no node link", connection->remote(), *failed);
      co_await connection->say_goodbye();
      connections_.erase(id);
      co_return;
    }
    ++accepted_;
    co_await run(id, connection, std::get<node_link>(std::move(result)), events_.accepted);
    --accepted_;
  }

  awaitable<void> dial(std::uint64_t id, std::string address, std::string node, connect_callback done) {
    auto connection = std::make_shared<link_connection>(tcp::socket{context_}, *tls().client);
    connections_.emplace(id, connection);
    if (stopping_)
      connection->abort();
    auto result = co_await reach_peer(id, *connection, address, node);
    if (const auto* failed = std::get_if<link_failure>(&result)) {
      failures_.write("can't link to a node", address, *failed);
      done(*failed);
      co_await connection->say_goodbye();
      connections_.erase(id);
      co_return;
    }
    co_await run(id, connection, std::get<node_link>(std::move(result)), done);
  }

  /// The life of a link that stands.
  template <class Tell>
  awaitable<void> run(std::uint64_t id, connection_ptr connection, node_link link, const Tell& tell) {
    const auto peer = link.peer.node;
    config::log(log_level::info, "node link up", {{"node", peer}, {"remote", connection->remote()}, {"link", id}});
    open_.fetch_add(1, std::memory_order_relaxed);
    stands(id, connection);
    tell(std::move(link));
    const auto reason = co_await connection->carry(settings_.silence, [this, &peer, id](std::string message) {
      if (!stopping_ && events_.received)
        events_.received(peer, id, std::move(message));
    });
    stands(id, nullptr);
    open_.fetch_sub(1, std::memory_order_relaxed);
    connections_.erase(id);
    config::log(log_level::info, "node link down", {{"node", peer}, {"link", id}, {"reason", reason}});
    if (!stopping_ && events_.closed)
      events_.closed(id, reason);
  }

  void stands(std::uint64_t id, const connection_ptr& connection) {
    const std::lock_guard lock{mutex_};
    if (connection)
      standing_.emplace(id, connection);
    else
      standing_.erase(id);
  }

  awaitable<outcome> receive_peer(std::uint64_t id, link_connection& connection) {
    if (auto failed = co_await connection.handshake(link_stream::side::server))
      co_return *failed;
    auto frame = co_await connection.receive();
    if (auto* failed = std::get_if<link_failure>(&frame))
      co_return *failed;
    auto* peer = std::get_if<link_hello>(&std::get<link_frame>(frame));
    if (peer == nullptr)
      co_return out_of_turn;
    auto verdict = judge(settings_.self, *peer, {});
    if (std::holds_alternative<std::uint32_t>(verdict))
      if (auto refusal = mistrust(connection, *peer))
        verdict = *refusal;
    if (auto* refusal = std::get_if<link_refusal>(&verdict)) {
      co_await connection.send(*refusal);
      co_return refused_here(*refusal);
    }
    if (auto failed = co_await connection.send(settings_.self))
      co_return *failed;
    auto last = co_await connection.receive();
    if (auto* failed = std::get_if<link_failure>(&last))
      co_return *failed;
    if (auto* refusal = std::get_if<link_refusal>(&std::get<link_frame>(last)))
      co_return refused_by_peer(*refusal);
    if (!std::holds_alternative<link_welcome>(std::get<link_frame>(last)))
      co_return out_of_turn;
    co_return stand(id, connection, std::move(*peer), std::get<std::uint32_t>(verdict));
  }

  /// Why a peer whose hello is in order is refused all the same.
  std::optional<link_refusal> mistrust(link_connection& connection, const link_hello& peer) {
    if (!bears_host(connection.tls(), peer.host))
      return link_refusal{link_refusal_code::identity,
                          "the certificate of node " + peer.node + " doesn't name its host " + peer.host};
    if (!events_.expected(peer))
      return link_refusal{link_refusal_code::identity,
                          "node " + peer.node + " at " + peer.host + " is not expected here"};
    if (accepted_ >= settings_.max_links)
      return link_refusal{link_refusal_code::busy, "too many links"};
    return std::nullopt;
  }

  awaitable<outcome> reach_peer(std::uint64_t id, link_connection& connection, const std::string& address,
                                const std::string& node) {
    const auto where = split_address(address);
    if (!where)
      co_return link_failure{link_error::unreachable, "\"" + address + "\" is no address with a port"};
    if (auto failed = co_await connection.connect(hosts_, where->host, where->port, settings_.connect_timeout))
      co_return *failed;
    connection.set_deadline(settings_.handshake_timeout);
    if (!expect_host(connection.tls(), where->host))
      co_return link_failure{link_error::unreachable, "\"" + where->host + "\" is no host"};
    if (auto failed = co_await connection.handshake(link_stream::side::client))
      co_return *failed;
    // In TLS 1.3 the peer may have refused our certificate by now: its answer tells, not this write.
    co_await connection.send(settings_.self);
    auto frame = co_await connection.receive();
    if (auto* failed = std::get_if<link_failure>(&frame))
      co_return *failed;
    if (auto* refusal = std::get_if<link_refusal>(&std::get<link_frame>(frame)))
      co_return refused_by_peer(*refusal);
    auto* peer = std::get_if<link_hello>(&std::get<link_frame>(frame));
    if (peer == nullptr)
      co_return out_of_turn;
    const auto verdict = judge(settings_.self, *peer, node);
    if (const auto* refusal = std::get_if<link_refusal>(&verdict)) {
      co_await connection.send(*refusal);
      co_return refused_here(*refusal);
    }
    if (auto failed = co_await connection.send(link_welcome{}))
      co_return *failed;
    co_return stand(id, connection, std::move(*peer), std::get<std::uint32_t>(verdict));
  }

  outcome stand(std::uint64_t id, link_connection& connection, link_hello peer, std::uint32_t version) {
    if (connection.aborted())
      return link_failure{link_error::stopped, "closed by this node"};
    auto tunnel = connection.open_tunnel();
    if (!tunnel)
      return link_failure{link_error::broken, "this process is out of descriptors"};
    return node_link{id, std::move(peer), version, std::move(tunnel)};
  }

  // In order of lifetime: connections use the context.
  node_link_settings settings_;
  mutable std::mutex mutex_;
  link_tls tls_; ///< under the mutex
  asio::io_context context_{1};
  std::map<std::uint64_t, connection_ptr> standing_; ///< links that carry, under the mutex
  tcp::acceptor acceptor_;
  const std::string address_{to_text(acceptor_.local_endpoint())};
  asio::steady_timer pause_{context_};
  node_link_events events_;
  std::map<std::uint64_t, connection_ptr> connections_;
  host_lookup hosts_{context_};
  std::set<std::uint64_t> strangers_; ///< of the connections, oldest first
  std::size_t accepted_ = 0;          ///< links that others opened
  std::size_t running_ = 0;           ///< coroutines
  bool stopping_ = false;
  failure_log failures_;
  std::atomic<std::uint64_t> last_id_{0};
  std::atomic<std::size_t> open_{0};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard_;
  std::thread thread_;
};

node_links::node_links(node_link_settings settings) : impl_{std::make_unique<impl>(std::move(settings))} {}
node_links::~node_links() = default;

void node_links::start(node_link_events events) {
  impl_->start(std::move(events));
}
std::string node_links::address() const {
  return impl_->address();
}
std::uint64_t node_links::connect(std::string address, std::string node, connect_callback done) {
  return impl_->connect(std::move(address), std::move(node), std::move(done));
}
void node_links::close(std::uint64_t id) {
  impl_->close(id);
}
bool node_links::goes_both_ways(std::uint64_t id, std::chrono::milliseconds within) const {
  return impl_->goes_both_ways(id, within);
}

bool node_links::post(std::uint64_t id, std::string message) {
  return impl_->post(id, std::move(message));
}
void node_links::reload() {
  impl_->reload();
}
void node_links::stop() {
  impl_->stop();
}
std::size_t node_links::open() const noexcept {
  return impl_->open();
}

} // namespace carillon::net
