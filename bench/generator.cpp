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
#include <stdexcept>
#include <string_view>

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

class client {
public:
  client(const load_settings& settings, ledger& book, const std::atomic<bool>& stop)
      : settings_(settings), book_(book), stop_(stop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (settings.accounts.empty() || settings.events_per_request == 0 || settings.connections == 0)
      throw std::runtime_error("the generator needs accounts, events and connections");
    for (const auto& account : settings.accounts)
      heads_.push_back("POST /v1/accounts/" + account +
                       "/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + settings.token +
                       "\r\nContent-Type: application/json\r\nContent-Length: ");
    connections_.resize(settings.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connect(i);
      idle_.push_back(i);
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
      if (!held)
        post_due(now);
      wait(held ? bound_pause : pause(now));
    }
    result_.elapsed = boot_clock::now() - start_;
    const auto last = boot_clock::now() + answer_timeout;
    while (waiting() > 0 && boot_clock::now() < last)
      wait(10ms);
    result_.broken += waiting();
    result_.cpu = cpu_of_this_thread() - cpu;
    return std::move(result_);
  }

private:
  struct connection {
    net::descriptor socket;
    std::string input, output;
    std::uint64_t first = 0, count = 0; ///< the events of the request that is out; count 0: none
    bool writable_wanted = false;
  };

  std::size_t waiting() const { return connections_.size() - idle_.size(); }

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

  void connect(std::size_t index) {
    net::descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(settings_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("the generator can't connect to the node: " +
                               std::string{std::strerror(errno)});
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& c = connections_[index];
    c = connection{};
    c.socket = std::move(socket);
    watch(index, EPOLLIN, EPOLL_CTL_ADD);
  }

  void post_due(boot_time now) {
    while (!idle_.empty() && result_.events < settings_.most_events && (interval_ == 0ns || next_ <= now)) {
      if (interval_ > 0ns) {
        if (now - next_ > late_after)
          ++result_.late;
        next_ += interval_;
      }
      const auto index = idle_.back();
      idle_.pop_back();
      post(index);
      if (bounded())
        return;
    }
  }

  /// Until the next request is due; answers end the wait anyhow.
  std::chrono::nanoseconds pause(boot_time now) const {
    if (interval_ == 0ns || idle_.empty())
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
        answered(c, *response);
        c.input.erase(0, response->size);
        idle_.push_back(index);
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
    if (connections_[index].count > 0) {
      ++result_.broken;
      idle_.push_back(index);
    }
    connect(index);
  }

  const load_settings& settings_;
  ledger& book_;
  const std::atomic<bool>& stop_;
  net::descriptor epoll_;
  std::vector<std::string> heads_; ///< per account, up to the Content-Length's value
  std::vector<connection> connections_;
  std::vector<std::size_t> idle_;
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
