#include "bench/generator.hpp"

#include "net/descriptor.hpp"
#include "bench/http_scan.hpp"
#include "bench/process_cpu.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace carillon::bench {

namespace {

using domain::boot_clock;
using domain::boot_time;
using namespace std::chrono_literals;

constexpr auto late_after = 10ms;
/// How long answers may take once nothing more is posted.
constexpr auto answer_timeout = 30s;
/// While the bound on outstanding events holds, how often to look again.
constexpr auto bound_pause = 1ms;
/// Before a request is posted again.
constexpr auto repeat_pause = 20ms;

class client {
public:
  client(const load_settings& settings, ledger& book, const std::atomic<bool>& stop)
      : settings_(settings), book_(book), stop_(stop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (settings.accounts.empty() || settings.events_per_request == 0 || settings.connections == 0 ||
        settings.ports.empty())
      throw std::runtime_error("the generator needs accounts, events, connections and a node");
    for (const auto& account : settings.accounts)
      heads_.push_back("POST /v1/accounts/" + account +
                       "/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + settings.token +
                       "\r\nContent-Type: application/json\r\nContent-Length: ");
    idle_.resize(settings.ports.size());
    connections_.resize(settings.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connect(i, i % settings.ports.size());
      rest(i);
    }
    if (settings.events_per_second > 0)
      interval_ = std::chrono::nanoseconds{static_cast<std::int64_t>(
          1e9 * static_cast<double>(settings.events_per_request) / settings.events_per_second)};
  }

  load_result run() {
    const auto cpu = cpu_of_this_thread();
    start_ = next_ = boot_clock::now();
    const auto end = start_ + settings_.duration;
    for (auto now = start_; now < end && !stop_ && result_.events < settings_.most_events;
         now = boot_clock::now()) {
      const bool held = bounded();
      repeat_due(now);
      if (!held)
        post_due(now);
      wait(held ? bound_pause : pause(now));
    }
    result_.elapsed = boot_clock::now() - start_;
    const auto last = boot_clock::now() + answer_timeout;
    for (auto now = boot_clock::now(); waiting() > 0 && now < last; now = boot_clock::now()) {
      repeat_due(now);
      wait(10ms);
    }
    result_.broken += waiting();
    result_.cpu = cpu_of_this_thread() - cpu;
    return std::move(result_);
  }

private:
  struct connection {
    net::descriptor socket;
    std::string input, output;
    std::uint64_t first = 0, count = 0; ///< the events of the request that is out; count 0: none
    std::string request;                ///< that one, if it may have to be repeated
    std::size_t port = 0;               ///< which of the ports
    bool to_repeat = false;             ///< it is among those to be repeated
    bool writable_wanted = false;
  };

  std::size_t waiting() const { return connections_.size() - resting_; }

  void rest(std::size_t index) {
    idle_[connections_[index].port].push_back(index);
    ++resting_;
  }

  /// A connection that is free, to the node whose turn it is.
  std::size_t wake() {
    while (idle_[next_port_].empty())
      next_port_ = (next_port_ + 1) % idle_.size();
    auto& from = idle_[next_port_];
    next_port_ = (next_port_ + 1) % idle_.size();
    const auto index = from.back();
    from.pop_back();
    --resting_;
    return index;
  }

  bool bounded() const {
    return settings_.most_outstanding > 0 &&
           book_.accepted_count() >= book_.arrived_count() + settings_.most_outstanding;
  }

  void watch(std::size_t index, std::uint32_t what, int operation) {
    epoll_event event{};
    event.events = what;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_.get(), operation, connections_[index].socket.get(), &event) != 0)
      throw std::runtime_error("the generator can't watch a socket");
  }

  void connect(std::size_t index, std::size_t preferred) {
    for (std::size_t i = 0; i < settings_.ports.size(); ++i)
      if (try_connect(index, (preferred + i) % settings_.ports.size()))
        return;
    throw std::runtime_error("the generator can't connect to the node: " + std::string{std::strerror(errno)});
  }

  bool try_connect(std::size_t index, std::size_t port) {
    net::descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(settings_.ports[port]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return false;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& c = connections_[index];
    c = connection{};
    c.socket = std::move(socket);
    c.port = port;
    watch(index, EPOLLIN, EPOLL_CTL_ADD);
    return true;
  }

  void post_due(boot_time now) {
    while (resting_ > 0 && result_.events < settings_.most_events && (interval_ == 0ns || next_ <= now)) {
      if (interval_ > 0ns) {
        if (now - next_ > late_after)
          ++result_.late;
        next_ += interval_;
      }
      post(wake());
      if (bounded())
        return;
    }
  }

  /// Until the next request is due; answers end the wait anyhow.
  std::chrono::nanoseconds pause(boot_time now) const {
    if (interval_ == 0ns || resting_ == 0)
      return 10ms;
    return std::clamp<std::chrono::nanoseconds>(next_ - now, 0ns, 10ms);
  }

  void post(std::size_t index) {
    auto& c = connections_[index];
    c.first = settings_.first + result_.events;
    c.count = settings_.events_per_request;
    result_.events += c.count;
    body_.clear();
    if (c.count > 1)
      body_ += '[';
    for (auto i = c.first; i < c.first + c.count; ++i) {
      if (i != c.first)
        body_ += ',';
      settings_.append(body_, i);
    }
    if (c.count > 1)
      body_ += ']';
    c.output = heads_[next_account_++ % heads_.size()];
    c.output += std::to_string(body_.size());
    c.output += "\r\n\r\n";
    c.output += body_;
    if (settings_.repeats)
      c.request = c.output;
    book_.posted(c.first, c.count, boot_clock::now());
    if (!flush(index))
      renew(index);
  }

  bool flush(std::size_t index) {
    auto& c = connections_[index];
    while (!c.output.empty()) {
      const auto sent = ::send(c.socket.get(), c.output.data(), c.output.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN)
        return false;
      if (sent < 0)
        break;
      c.output.erase(0, static_cast<std::size_t>(sent));
    }
    if (c.writable_wanted == c.output.empty()) {
      c.writable_wanted = !c.output.empty();
      watch(index, c.writable_wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
    return true;
  }

  void wait(std::chrono::nanoseconds time) {
    std::array<epoll_event, 128> events{};
    const timespec limit{static_cast<time_t>(time / 1s), static_cast<long>((time % 1s).count())};
    const int n =
        ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &limit, nullptr);
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
      if (!flush(index) || !read(index))
        renew(index);
    }
  }

  bool read(std::size_t index) {
    auto& c = connections_[index];
    for (;;) {
      const auto size = ::recv(c.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size == 0 || (size < 0 && errno != EAGAIN))
        return false;
      if (size < 0)
        return true;
      c.input.append(buffer_.data(), static_cast<std::size_t>(size));
      if (const auto response = scan_message(c.input)) {
        const bool again = settings_.repeats && status_of(*response) == 503;
        if (again)
          repeat(index);
        else
          answered(c, *response);
        c.input.erase(0, response->size);
        if (!again)
          rest(index);
        return true;
      }
    }
  }

  void answered(connection& c, const scanned_message& response) {
    ++result_.requests;
    const int status = status_of(response);
    if (status == 202) {
      book_.accepted(c.first, c.count, boot_clock::now());
      result_.accepted += c.count;
    } else {
      book_.refused(c.first, c.count);
      if (result_.refused.empty())
        result_.refusal = response.body;
      ++result_.refused[status];
    }
    c.count = 0;
  }

  void renew(std::size_t index) {
    auto was = std::move(connections_[index]);
    const bool out = was.count > 0;
    if (!out)
      withdraw(index, was.port);
    connect(index, (was.port + 1) % settings_.ports.size());
    if (out && settings_.repeats) {
      auto& c = connections_[index];
      c.first = was.first;
      c.count = was.count;
      c.request = std::move(was.request);
      c.to_repeat = was.to_repeat;
      repeat(index);
      return;
    }
    if (out)
      ++result_.broken;
    rest(index);
  }

  void withdraw(std::size_t index, std::size_t port) {
    std::erase(idle_[port], index);
    --resting_;
  }

  void repeat(std::size_t index) {
    if (!std::exchange(connections_[index].to_repeat, true))
      repeats_.emplace_back(boot_clock::now() + repeat_pause, index);
  }

  void repeat_due(boot_time now) {
    while (!repeats_.empty() && repeats_.front().first <= now) {
      const auto index = repeats_.front().second;
      repeats_.pop_front();
      ++result_.repeated;
      auto& c = connections_[index];
      c.to_repeat = false;
      c.output = c.request;
      if (!flush(index))
        renew(index);
    }
  }

  const load_settings& settings_;
  ledger& book_;
  const std::atomic<bool>& stop_;
  net::descriptor epoll_;
  std::vector<std::string> heads_; ///< per account, up to the Content-Length's value
  std::vector<connection> connections_;
  std::vector<std::vector<std::size_t>> idle_; ///< by port: connections without a request
  std::size_t resting_ = 0, next_port_ = 0;   ///< of these: how many; whose turn it is
  std::deque<std::pair<boot_time, std::size_t>> repeats_; ///< connections whose request is to be posted again
  std::size_t next_account_ = 0;
  std::chrono::nanoseconds interval_{0};
  boot_time start_{}, next_{};
  std::string body_;
  std::array<char, 64 << 10> buffer_{};
  load_result result_;
};

} // namespace

load_result run_load(const load_settings& settings, ledger& book, const std::atomic<bool>& stop) {
  return client{settings, book, stop}.run();
}

} // namespace carillon::bench
