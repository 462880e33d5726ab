#include "bench/sink.hpp"

#include "net/descriptor.hpp"
#include "bench/http_scan.hpp"
#include "bench/process_cpu.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>

namespace carillon::bench {

namespace {

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view last_answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view silent_path = "/silent";
/// One TLS record's plaintext at most.
constexpr std::size_t record_size = 16 << 10;

struct free_ssl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("the sink can't " + what + ": " + std::strerror(errno));
}

std::unique_ptr<SSL_CTX, free_ssl> make_context(const sink_settings& settings) {
  std::unique_ptr<SSL_CTX, free_ssl> context{SSL_CTX_new(TLS_server_method())};
  if (!context || SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), settings.key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("the sink can't use the certificate " + settings.certificate.string());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!settings.resumes) {
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  }
  // A record's header and body in one read.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

struct connection {
  net::descriptor socket;
  std::unique_ptr<SSL, free_ssl> tls;
  std::string input;  ///< what isn't a whole request yet
  std::string output; ///< what the socket didn't take yet
  bool shaken = false;
  bool writable_wanted = false;
  bool answered = false;
};

} // namespace

class sink::server {
public:
  server(const sink_settings& settings, ledger& book)
      : book_(book), silent_book_(settings.silent_book), answer_(settings.closes ? last_answer : answer),
        closes_(settings.closes), context_(make_context(settings)) {
    listener_ = net::descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(settings.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, sizeof address) != 0 || ::listen(listener_.get(), 4096) != 0)
      fail("listen on port " + std::to_string(settings.port));
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), generic, &size);
    port = ntohs(address.sin_port);
    epoll_ = net::descriptor{::epoll_create1(EPOLL_CLOEXEC)};
    stop_ = net::descriptor{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    watch(listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
    watch(stop_.get(), EPOLLIN, EPOLL_CTL_ADD);
    thread = std::thread{[this] { run(); }};
  }

  ~server() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
    thread.join();
  }

  std::uint16_t port = 0;
  std::thread thread;
  std::atomic<std::uint64_t> requests{0}, connections{0}, handshakes{0}, resumed{0}, faults{0};

private:
  void watch(int fd, std::uint32_t what, int operation) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
      fail("watch a socket");
  }

  void run() {
    // OpenSSL writes with write(): a peer that is gone must be an error, not a signal. Blocked in this thread
    // only, since children would inherit an ignored signal.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_.get())
          return;
        if (fd == listener_.get())
          accept_all();
        else if (const auto found = open_.find(fd); found != open_.end() && !serve(found->second))
          open_.erase(found);
      }
    }
  }

  void accept_all() {
    for (;;) {
      net::descriptor socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (!socket)
        return;
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connection c;
      c.tls.reset(SSL_new(context_.get()));
      SSL_set_fd(c.tls.get(), socket.get());
      SSL_set_accept_state(c.tls.get());
      watch(socket.get(), EPOLLIN, EPOLL_CTL_ADD);
      const int fd = socket.get();
      c.socket = std::move(socket);
      open_.insert_or_assign(fd, std::move(c));
      connections.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// False when the connection is over.
  bool serve(connection& c) {
    ERR_clear_error();
    try {
      if (!shake(c) || !read(c) || !flush(c))
        return false;
      if (c.answered && closes_ && c.output.empty()) {
        SSL_shutdown(c.tls.get());
        return false;
      }
      want_writable(c, !c.output.empty());
      return true;
    } catch (const std::runtime_error&) {
      faults.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }

  /// What an unfinished TLS call means: true to wait for more, false for the connection's end.
  bool go_on(connection& c, int result) {
    switch (SSL_get_error(c.tls.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return true;
    case SSL_ERROR_WANT_WRITE:
      want_writable(c, true);
      return true;
    case SSL_ERROR_ZERO_RETURN:
      return false;
    default:
      // A peer that closes its socket between two requests is no fault.
      if (!c.shaken || !c.input.empty())
        faults.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }

  bool shake(connection& c) {
    if (c.shaken)
      return true;
    const int result = SSL_do_handshake(c.tls.get());
    if (result != 1)
      return go_on(c, result);
    c.shaken = true;
    handshakes.fetch_add(1, std::memory_order_relaxed);
    if (SSL_session_reused(c.tls.get()) != 0)
      resumed.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  bool read(connection& c) {
    if (!c.shaken)
      return true;
    do {
      const int size = SSL_read(c.tls.get(), buffer_.data(), static_cast<int>(buffer_.size()));
      if (size <= 0)
        return go_on(c, size);
      const std::string_view fresh{buffer_.data(), static_cast<std::size_t>(size)};
      if (c.input.empty()) {
        // The usual case: the record is one whole request.
        c.input.append(fresh.substr(take(c, fresh)));
      } else {
        c.input.append(fresh);
        c.input.erase(0, take(c, c.input));
      }
    } while (SSL_has_pending(c.tls.get()) != 0);
    return true;
  }

  /// Takes all whole requests at the front; the number of bytes taken.
  std::size_t take(connection& c, std::string_view input) {
    std::size_t taken = 0;
    while (const auto request = scan_message(input.substr(taken))) {
      taken += request->size;
      const bool silent = silent_book_ != nullptr && target_of(*request).starts_with(silent_path);
      if (const auto id = field_of(request->fields, "webhook-id"); !id.empty())
        (silent ? *silent_book_ : book_).arrived(id, request->body, domain::boot_clock::now());
      if (silent)
        continue;
      requests.fetch_add(1, std::memory_order_relaxed);
      c.output.append(answer_);
      c.answered = true;
    }
    return taken;
  }

  bool flush(connection& c) {
    while (!c.output.empty()) {
      const int size = SSL_write(c.tls.get(), c.output.data(), static_cast<int>(c.output.size()));
      if (size <= 0)
        return go_on(c, size);
      c.output.erase(0, static_cast<std::size_t>(size));
    }
    return true;
  }

  void want_writable(connection& c, bool wanted) {
    if (c.writable_wanted == wanted)
      return;
    c.writable_wanted = wanted;
    watch(c.socket.get(), wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }

  ledger& book_;
  ledger* silent_book_;
  std::string_view answer_;
  bool closes_;
  std::unique_ptr<SSL_CTX, free_ssl> context_;
  net::descriptor listener_, epoll_, stop_;
  std::unordered_map<int, connection> open_;
  std::array<char, record_size> buffer_{};
};

sink::sink(const sink_settings& settings, ledger& book) : server_(std::make_unique<server>(settings, book)) {}
sink::~sink() = default;

std::uint16_t sink::port() const noexcept {
  return server_->port;
}
std::string sink::url() const {
  return "https://127.0.0.1:" + std::to_string(port());
}
std::chrono::nanoseconds sink::cpu() const {
  return cpu_of_thread(server_->thread);
}

sink::counters sink::stats() const noexcept {
  return {server_->requests, server_->connections, server_->handshakes, server_->resumed, server_->faults};
}

} // namespace carillon::bench
