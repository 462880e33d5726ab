#include "net/http_server.hpp"

#include "net/descriptor.hpp"
#include "net/http_connection.hpp"
#include "net/http_worker.hpp"
#include "net/socket_address.hpp"
#include "net/tls_server.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <thread>

namespace carillon::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace http_detail;

/// Connections over the cap that are told so at the same time; more are closed without a word.
constexpr std::size_t most_refusals = 64;
/// After an accept that failed for want of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};
/// After the grace: time for aborted connections to be closed.
constexpr std::chrono::milliseconds unwind_time{500};
/// Connections that one listener takes before others on its thread have their turn.
constexpr std::size_t accepted_at_once = 64;

/// What the kernel calls the local end of a socket.
tcp::endpoint local_endpoint(int socket) {
  tcp::endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  ::getsockname(socket, bound.data(), &size);
  bound.resize(size);
  return bound;
}

/// An accepted connection on its way to its worker.
struct newcomer {
  descriptor socket;
  asio::ip::address peer;
  connection_slot slot;
  bool refused = false;
};

} // namespace

class http_server::impl {
  class listener;

public:
  impl(http_server_settings settings, std::shared_ptr<http_service> service) {
    if (settings.tls_certificate.empty() != settings.tls_key.empty())
      throw std::runtime_error("TLS needs both a certificate and a key");
    if (!settings.tls_certificate.empty())
      tls_.emplace(settings.tls_certificate, settings.tls_key);
    settings.threads = std::max<std::size_t>(settings.threads, 1);
    state_ = std::make_shared<server_state>(std::move(settings), std::move(service));
    for (std::size_t i = 0; i < state_->settings.threads; ++i)
      workers_.push_back(std::make_unique<worker>());
    for (const auto& each : state_->settings.listeners) {
      auto& home = *workers_[listeners_.size() % workers_.size()];
      listeners_.push_back(std::make_unique<listener>(*this, home, each));
      urls_.push_back(url_of(local_endpoint(listeners_.back()->socket())));
    }
  }

  ~impl() { stop(std::chrono::milliseconds{0}); }

  const std::vector<std::string>& urls() const { return urls_; }

  void start() {
    for (auto& each : listeners_)
      each->home().loop().post([&each = *each] { each.start(); });
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      threads_.emplace_back([&each = *workers_[i]] { each.run(); });
      pthread_setname_np(threads_.back().native_handle(), ("http-" + std::to_string(i)).c_str());
    }
  }

  void reload_certificates() {
    if (tls_)
      tls_->reload();
  }

  void stop(std::chrono::milliseconds grace) {
    if (state_->stopping.exchange(true) || threads_.empty())
      return;
    for (auto& each : listeners_)
      each->home().loop().post([&each = *each] { each.stop(); });
    for (auto& each : workers_)
      each->loop().post([&each = *each] { each.stop_connections(); });
    if (!wait_until_closed(grace)) {
      for (auto& each : workers_)
        each->loop().post([&each = *each] { each.abort_connections(); });
      wait_until_closed(unwind_time);
    }
    for (auto& each : workers_)
      each->end();
    for (auto& thread : threads_)
      thread.join();
    threads_.clear();
  }

  std::size_t connections() const noexcept { return state_->open.load(std::memory_order_relaxed); }

private:
  std::string url_of(const tcp::endpoint& bound) const {
    return (tls_ ? "https://" : "http://") + to_text(bound);
  }

  bool wait_until_closed(std::chrono::milliseconds limit) {
    std::unique_lock lock{state_->mutex};
    return state_->all_closed.wait_for(
        lock, limit, [this] { return state_->open.load() == 0 && state_->refusing.load() == 0; });
  }

  /// Accepts what comes to one address, on its home's thread.
  class listener final : public socket_watcher, public timer_entry {
  public:
    listener(impl& server, worker& home, const http_listener_settings& settings)
        : server_(server), home_(home), socket_(listen_on(settings.address)), role_(settings.role) {}

    int socket() const noexcept { return socket_.get(); }
    worker& home() const noexcept { return home_; }

    void start() {
      if (socket_.get() >= 0 && home_.loop().events().watch(socket_.get(), EPOLLIN, *this))
        rest();
    }
    void stop() {
      unlink();
      if (const int socket = socket_.release(); socket >= 0) {
        home_.loop().events().forget(socket, *this);
        ::close(socket);
      }
    }

  private:
    void on_ready(std::uint32_t) override {
      for (std::size_t taken = 0; taken < accepted_at_once; ++taken) {
        tcp::endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        descriptor accepted{
            ::accept4(socket_.get(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (accepted.get() < 0) {
          // Out of descriptors, mostly: without a pause this would spin until one is free.
          if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            home_.loop().events().forget(socket_.get(), *this);
            rest();
          }
          return;
        }
        peer.resize(size);
        server_.admit(std::move(accepted), peer.address(), role_);
      }
    }
    void on_due() override { start(); }
    void rest() { home_.loop().events().timers().arm(*this, domain::boot_clock::now() + accept_pause); }

    impl& server_;
    worker& home_;
    descriptor socket_;
    const listener_role role_;
  };

  void admit(descriptor socket, const asio::ip::address& peer, listener_role role) {
    const bool over = state_->open.load(std::memory_order_relaxed) >= state_->settings.max_connections;
    // A handshake is too dear to refuse a connection with: over TLS it is only closed.
    if (over && (tls_ || state_->refusing.load(std::memory_order_relaxed) >= most_refusals))
      return;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& home = *workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size()];
    connection_slot slot{*state_, over ? &server_state::refusing : &server_state::open};
    // Copies of what is posted share it; it is closed where nobody comes to take it over.
    const auto shared =
        std::make_shared<newcomer>(newcomer{std::move(socket), peer, std::move(slot), over});
    home.loop().post([this, &home, shared, role] { take_over(home, *shared, role); });
  }

  void take_over(worker& home, newcomer& from, listener_role role) {
    auto made = std::make_unique<http_connection>(home, std::move(from.slot), from.socket.release(), role,
                                                  from.peer);
    auto& connection = *made;
    home.add(std::move(made));
    if (from.refused)
      connection.begin_refusing();
    else
      connection.begin(tls_ ? &*tls_ : nullptr);
  }

  // In order of lifetime: connections use the state and the certificates, listeners the workers.
  std::shared_ptr<server_state> state_;
  std::optional<tls_server> tls_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<std::string> urls_;
  std::atomic<std::size_t> next_worker_{0};
  std::vector<std::thread> threads_;
};

http_server::http_server(http_server_settings settings, std::shared_ptr<http_service> service)
    : impl_(std::make_unique<impl>(std::move(settings), std::move(service))) {}
http_server::~http_server() = default;

std::vector<std::string> http_server::urls() const {
  return impl_->urls();
}
void http_server::start() {
  impl_->start();
}
void http_server::reload_certificates() {
  impl_->reload_certificates();
}
void http_server::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}
std::size_t http_server::connections() const noexcept {
  return impl_->connections();
}

} // namespace carillon::net
