#include "net/http_server.hpp"

#include "net/http_connection.hpp"
#include "net/socket_address.hpp"
#include "net/tls_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <pthread.h>

#include <optional>
#include <stdexcept>
#include <thread>

namespace carillon::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace http_detail;

/// Connections over the cap that are told so at the same time; more are closed without a word.
constexpr std::size_t most_refusals = 64;
/// After an accept that failed for want of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};
/// After the grace: time for cancelled connections to unwind.
constexpr std::chrono::milliseconds unwind_time{500};

struct listener {
  listener(asio::io_context& context, const http_listener_settings& settings)
      : acceptor(listen_on(context, settings.address)), pause(context), role(settings.role) {}

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  listener_role role;
};

} // namespace

class http_server::impl {
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
      listeners_.push_back(std::make_unique<listener>(home.context(), each));
      urls_.push_back(url_of(listeners_.back()->acceptor.local_endpoint()));
    }
  }

  ~impl() { stop(std::chrono::milliseconds{0}); }

  const std::vector<std::string>& urls() const { return urls_; }

  void start() {
    for (auto& each : listeners_)
      asio::co_spawn(each->acceptor.get_executor(), accept_all(*each), asio::detached);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto& context = workers_[i]->context();
      guards_.push_back(asio::make_work_guard(context));
      threads_.emplace_back([&context] { run(context); });
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
      asio::post(each->acceptor.get_executor(), [&each = *each] {
        error_code ec;
        each.acceptor.close(ec);
        each.pause.cancel();
      });
    for (auto& each : workers_)
      asio::post(each->context(), [&each = *each] { each.stop_connections(); });
    if (!wait_until_closed(grace)) {
      for (auto& each : workers_)
        asio::post(each->context(), [&each = *each] { each.abort_connections(); });
      wait_until_closed(unwind_time);
    }
    guards_.clear();
    for (auto& each : workers_)
      each->context().stop();
    for (auto& thread : threads_)
      thread.join();
    threads_.clear();
  }

  std::size_t connections() const noexcept { return state_->open.load(std::memory_order_relaxed); }

private:
  std::string url_of(const tcp::endpoint& bound) const {
    return (tls_ ? "https://" : "http://") + to_text(bound);
  }

  static void run(asio::io_context& context) {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& error) {
        spdlog::error("http: {}", error.what());
      }
    }
  }

  bool wait_until_closed(std::chrono::milliseconds limit) {
    std::unique_lock lock{state_->mutex};
    return state_->all_closed.wait_for(
        lock, limit, [this] { return state_->open.load() == 0 && state_->refusing.load() == 0; });
  }

  asio::awaitable<void> accept_all(listener& from) {
    constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
    for (;;) {
      auto& home = *workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size()];
      auto [ec, socket] = co_await from.acceptor.async_accept(home.context(), as_result);
      if (state_->stopping.load())
        co_return;
      if (ec) {
        // Out of descriptors, mostly: without a pause this would spin until one is free.
        if (ec != asio::error::connection_aborted) {
          from.pause.expires_after(accept_pause);
          co_await from.pause.async_wait(as_result);
        }
        continue;
      }
      admit(home, std::move(socket), from.role);
    }
  }

  void admit(worker& home, tcp_socket socket, listener_role role) {
    if (state_->open.load(std::memory_order_relaxed) >= state_->settings.max_connections) {
      // A handshake is too dear to refuse a connection with: over TLS it is only closed.
      if (!tls_ && state_->refusing.load(std::memory_order_relaxed) < most_refusals)
        asio::co_spawn(home.context(),
                       refuse_plain(home, {state_, &server_state::refusing}, std::move(socket), role),
                       asio::detached);
      return;
    }
    connection_slot slot{state_, &server_state::open};
    if (tls_)
      asio::co_spawn(home.context(),
                     serve_tls(home, std::move(slot), std::move(socket), role, tls_->context()),
                     asio::detached);
    else
      asio::co_spawn(home.context(), serve_plain(home, std::move(slot), std::move(socket), role),
                     asio::detached);
  }

  // In order of lifetime: connections use the state and the certificates, listeners the workers.
  std::shared_ptr<server_state> state_;
  std::optional<tls_server> tls_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<std::string> urls_;
  std::atomic<std::size_t> next_worker_{0};
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
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
