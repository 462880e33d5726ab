#include "net/dns_resolver.hpp"

#include "domain/time.hpp"
#include "net/event_loop.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

namespace carillon::net {

namespace asio = boost::asio;
using domain::boot_clock;
using domain::boot_time;

namespace {

/// One set of name servers with its sockets; replaced as a whole on reload while questions of the old one go
/// on.
class channel final : public std::enable_shared_from_this<channel>, private timer_entry {
public:
  using result_handler = std::function<void(int status, ares_addrinfo*)>;

  channel(event_loop& loop, const dns_settings& settings) : loop_{loop} {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    char lookups[] = "fb"; // the hosts file, then name servers
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH;
    options.timeout = static_cast<int>(settings.try_timeout.count());
    options.tries = settings.tries;
    options.lookups = lookups;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
      static_cast<channel*>(self)->on_socket(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    const int mask =
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&channel_, &options, mask);
    if (status == ARES_SUCCESS && !settings.nameservers.empty()) {
      status = ares_set_servers_ports_csv(channel_, settings.nameservers.c_str());
      if (status != ARES_SUCCESS)
        ares_destroy(channel_);
    }
    if (status != ARES_SUCCESS)
      throw std::runtime_error(std::string{"cannot set up name servers: "} + ares_strerror(status));
  }

  ~channel() override { ares_destroy(channel_); }

  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Calls `done` later or at once; with status ARES_EDESTRUCTION when the channel goes first.
  void ask(const std::string& name, result_handler done) {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    auto* owned = new result_handler{std::move(done)};
    ares_getaddrinfo(
        channel_, name.c_str(), nullptr, &hints,
        [](void* handler, int status, int, ares_addrinfo* found) {
          const std::unique_ptr<result_handler> guard{static_cast<result_handler*>(handler)};
          (*guard)(status, found);
        },
        owned);
    schedule();
  }

private:
  /// A socket that c-ares opens and closes.
  struct watched_socket final : socket_watcher {
    watched_socket(channel& asker, int descriptor) : owner{asker}, fd{descriptor} {}
    void on_ready(std::uint32_t events) override { owner.on_ready(fd, events); }

    channel& owner;
    const int fd;
  };

  void on_socket(int fd, bool readable, bool writable) {
    const auto known = sockets_.find(fd);
    if (!readable && !writable) {
      if (known == sockets_.end())
        return;
      loop_.forget(fd, *known->second);
      sockets_.erase(known);
      return;
    }
    const auto events = (readable ? std::uint32_t{EPOLLIN} : 0U) | (writable ? std::uint32_t{EPOLLOUT} : 0U);
    if (known != sockets_.end())
      return loop_.change(fd, events, *known->second);
    auto socket = std::make_unique<watched_socket>(*this, fd);
    // What can't be watched isn't answered, and its question ends by its timeout.
    if (!loop_.watch(fd, events, *socket))
      sockets_.emplace(fd, std::move(socket));
  }

  void on_ready(int fd, std::uint32_t events) {
    const auto self = shared_from_this();
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool readable = broken || (events & EPOLLIN) != 0, writable = broken || (events & EPOLLOUT) != 0;
    ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    schedule();
  }

  void on_due() override {
    const auto self = shared_from_this();
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    schedule();
  }

  // c-ares says how long it can wait until it wants to try again or give up; nothing when it waits for
  // nothing.
  void schedule() {
    timeval next{};
    if (ares_timeout(channel_, nullptr, &next) == nullptr)
      loop_.timers().disarm(*this);
    else
      loop_.timers().arm(*this, boot_clock::now() + std::chrono::seconds{next.tv_sec} +
                                    std::chrono::microseconds{next.tv_usec} + std::chrono::milliseconds{1});
  }

  event_loop& loop_;
  std::unordered_map<int, std::unique_ptr<watched_socket>> sockets_;
  ares_channel channel_ = nullptr;
};

std::string failure_text(int status) {
  switch (status) {
  case ARES_ENOTFOUND:
  case ARES_ENODATA:
    return "the name has no address";
  case ARES_ETIMEOUT:
    return "the name servers did not answer in time";
  case ARES_ECONNREFUSED:
    return "no name server can be reached";
  case ARES_ESERVFAIL:
    return "the name servers report a failure";
  default:
    return std::string{"the name cannot be resolved: "} + ares_strerror(status);
  }
}

/// The addresses of an answer, each once, and how long the answer holds in seconds.
std::pair<dns_answer, int> read_answer(const ares_addrinfo& found) {
  dns_answer answer;
  int ttl = 24 * 3600;
  for (const auto* alias = found.cnames; alias != nullptr; alias = alias->next)
    ttl = std::min(ttl, alias->ttl);
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next) {
    asio::ip::address address;
    if (node->ai_family == AF_INET) {
      address =
          asio::ip::address_v4{ntohl(reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr.s_addr)};
    } else if (node->ai_family == AF_INET6) {
      asio::ip::address_v6::bytes_type bytes{};
      std::copy_n(reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr.s6_addr, bytes.size(),
                  bytes.begin());
      address = asio::ip::address_v6{bytes};
    } else {
      continue;
    }
    ttl = std::min(ttl, node->ai_ttl);
    if (std::find(answer.addresses.begin(), answer.addresses.end(), address) == answer.addresses.end())
      answer.addresses.push_back(address);
  }
  if (answer.addresses.empty())
    answer.error = "the name has no address";
  return {std::move(answer), ttl};
}

} // namespace

class dns_resolver::impl {
public:
  impl(event_loop& loop, dns_settings settings)
      : loop_{loop}, settings_{std::move(settings)}, channel_{std::make_shared<channel>(loop_, settings_)} {}

  ~impl() {
    ending_ = true;
    retired_.clear();
    channel_.reset();
  }

  std::shared_ptr<const dns_answer> resolve(const std::string& name, callback done) {
    if (const auto cached = cache_.find(name); cached != cache_.end()) {
      if (cached->second.until > boot_clock::now())
        return cached->second.answer;
      cache_.erase(cached);
    }
    auto& waiting = waiting_[name];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1)
      return nullptr;
    channel_->ask(name, [this, name](int status, ares_addrinfo* found) {
      const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> guard{found, &ares_freeaddrinfo};
      if (ending_)
        return;
      dns_answer answer;
      auto lifetime = settings_.negative_ttl;
      if (status == ARES_SUCCESS && found != nullptr) {
        int ttl = 0;
        std::tie(answer, ttl) = read_answer(*found);
        if (!answer.addresses.empty())
          lifetime = std::clamp(std::chrono::milliseconds{std::chrono::seconds{ttl}}, settings_.min_ttl,
                                settings_.max_ttl);
      } else {
        answer.error = failure_text(status);
      }
      // Told on a later turn: the callbacks ask for other names, and c-ares is still at work here.
      loop_.later([this, name, lifetime, shared = std::make_shared<const dns_answer>(std::move(answer))] {
        store(name, shared, lifetime);
        if (auto node = waiting_.extract(name); !node.empty())
          for (auto& waiter : node.mapped())
            waiter(*shared);
      });
    });
    return nullptr;
  }

  void reload() {
    auto fresh = std::make_shared<channel>(loop_, settings_);
    cache_.clear();
    retired_.clear(); // what still waits there since the reload before fails and may be asked again
    retired_.push_back(std::exchange(channel_, std::move(fresh)));
  }

private:
  struct cached_answer {
    std::shared_ptr<const dns_answer> answer;
    boot_time until;
  };

  void store(const std::string& name, std::shared_ptr<const dns_answer> answer,
             std::chrono::milliseconds lifetime) {
    const auto now = boot_clock::now();
    if (cache_.size() >= settings_.max_entries)
      std::erase_if(cache_, [now](const auto& entry) { return entry.second.until <= now; });
    if (cache_.size() >= settings_.max_entries)
      cache_.erase(cache_.begin()); // any will do: the order is as good as random
    cache_.insert_or_assign(name, cached_answer{std::move(answer), now + lifetime});
  }

  event_loop& loop_;
  dns_settings settings_;
  std::unordered_map<std::string, cached_answer> cache_;
  std::unordered_map<std::string, std::vector<callback>> waiting_;
  std::vector<std::shared_ptr<channel>> retired_;
  std::shared_ptr<channel> channel_;
  bool ending_ = false;
};

dns_resolver::dns_resolver(event_loop& loop, dns_settings settings)
    : impl_{std::make_unique<impl>(loop, std::move(settings))} {}
dns_resolver::~dns_resolver() = default;

std::shared_ptr<const dns_answer> dns_resolver::resolve(const std::string& name, callback done) {
  return impl_->resolve(name, std::move(done));
}

void dns_resolver::reload() {
  impl_->reload();
}

} // namespace carillon::net
