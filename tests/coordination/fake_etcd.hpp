#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// A server that answers as one member of etcd does, or as a test wants it to.
namespace fake_etcd {

/// One connection, on the server's side.
class visitor {
public:
  visitor(int fd, std::atomic<std::uint64_t>& most_written) : fd_{fd}, most_written_{most_written} {}

  /// False when the client has gone.
  bool send(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto wrote = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (wrote <= 0)
        return false;
      done += static_cast<std::size_t>(wrote);
      written_ += static_cast<std::uint64_t>(wrote);
      auto most = most_written_.load();
      while (most < written_ && !most_written_.compare_exchange_weak(most, written_))
        ;
    }
    return true;
  }
  /// The next bytes; none when the client has gone.
  std::string read() {
    char block[16 << 10];
    const auto got = ::recv(fd_, block, sizeof block, 0);
    return {block, block + std::max<ssize_t>(got, 0)};
  }
  /// Until the client goes.
  void hold() {
    while (!read().empty())
      ;
  }
  /// Without end, until the client goes.
  void flood(const std::string& bytes) {
    while (send(bytes))
      ;
  }
  /// One byte a second, until the client goes.
  void trickle(const std::string& bytes) {
    pollfd gone{fd_, POLLIN, 0};
    for (const char each : bytes)
      if (!send(std::string(1, each)) || (::poll(&gone, 1, 1'000) > 0 && read().empty()))
        return;
    hold();
  }
  /// The connection closes with a reset: what was sent may be lost.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

private:
  const int fd_;
  std::atomic<std::uint64_t>& most_written_;
  std::uint64_t written_ = 0;
};

inline std::string http(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// Answers a request, after which the connection closes; false: the server answers it as etcd would.
using manner = std::function<bool(visitor& with, const std::string& path)>;

class server {
public:
  server() {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 64) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("the fake etcd can't listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread{[this] { accept(); }};
  }
  ~server() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    {
      const std::lock_guard guard{mutex_};
      for (const int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& each : serving_)
      each.join();
    ::close(listener_);
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// From now on, for each request; none: as etcd.
  void behave(manner how) {
    const std::lock_guard guard{mutex_};
    how_ = std::move(how);
  }
  /// What a range and a status say.
  void say(std::string cluster, std::string leader, std::string revision, std::string kvs = "") {
    const std::lock_guard guard{mutex_};
    header_ = R"("header":{"cluster_id":")" + cluster + R"(","revision":")" + revision + R"("})";
    leader_ = std::move(leader);
    kvs_ = std::move(kvs);
  }
  /// Requests of a path that came so far.
  int count(const std::string& path) {
    const std::lock_guard guard{mutex_};
    return counts_[path];
  }
  /// Until so many have come; false when they don't.
  bool wait(const std::string& path, int count, std::chrono::seconds patience) {
    std::unique_lock guard{mutex_};
    return came_.wait_for(guard, patience, [&] { return counts_[path] >= count; });
  }
  /// The most bytes that one connection has taken.
  std::uint64_t most_written() const { return most_written_; }

private:
  void accept() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      const std::lock_guard guard{mutex_};
      if (fd < 0 || stopping_) {
        if (fd >= 0)
          ::close(fd);
        return;
      }
      open_.insert(fd);
      serving_.emplace_back([this, fd] {
        serve(fd);
        const std::lock_guard end{mutex_};
        open_.erase(fd);
        ::close(fd);
      });
    }
  }

  void serve(int fd) {
    visitor with{fd, most_written_};
    std::string came;
    for (;;) {
      const auto head = came.find("\r\n\r\n");
      const auto length = came.find("Content-Length: ");
      const auto whole = head == std::string::npos || length == std::string::npos
                           ? std::string::npos
                           : head + 4 + std::strtoul(came.c_str() + length + 16, nullptr, 10);
      if (came.size() < whole) {
        const auto more = with.read();
        if (more.empty())
          return;
        came += more;
        continue;
      }
      const auto begin = came.find(' ') + 1;
      const auto path = came.substr(begin, came.find(' ', begin) - begin);
      came.erase(0, whole);
      manner how;
      {
        const std::lock_guard guard{mutex_};
        ++counts_[path];
        came_.notify_all();
        how = how_;
      }
      if ((how && how(with, path)) || !answer(with, path))
        return;
    }
  }

  bool answer(visitor& with, const std::string& path) {
    std::unique_lock guard{mutex_};
    auto body = "{" + header_;
    if (path == "/v3/maintenance/status")
      body += R"(,"leader":")" + leader_ + R"("})";
    else if (path == "/v3/kv/range")
      body += R"(,"kvs":[)" + kvs_ + "]}";
    else if (path == "/v3/kv/txn")
      body += R"(,"succeeded":true,"responses":[{"response_put":{}}]})";
    else if (path == "/v3/lease/grant")
      body += R"(,"ID":"77","TTL":"5"})";
    else if (path == "/v3/lease/keepalive")
      body = R"({"result":)" + body + R"(,"ID":"77","TTL":"5"}})";
    else
      body = R"({"result":)" + body + R"(,"created":true}})" + "\n";
    guard.unlock();
    if (path != "/v3/watch")
      return with.send(http(body));
    char size[20];
    std::snprintf(size, sizeof size, "%zx", body.size());
    if (with.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string{size} + "\r\n" + body + "\r\n"))
      with.hold();
    return false;
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> most_written_ = 0;
  std::mutex mutex_;
  std::condition_variable came_;
  manner how_;
  std::string header_ = R"("header":{"cluster_id":"7","revision":"3"})";
  std::string leader_ = "1";
  std::string kvs_;
  std::map<std::string, int> counts_;
  std::set<int> open_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

} // namespace fake_etcd
