#pragma once

#include "coordination/etcd.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// A real etcd with its own ports and folder, and calls that wait for their answer.
namespace etcd_fixture {

using namespace carillon::coordination;

/// Long enough for a loaded machine, shorter than a test may take in all; nothing waits so long unless it fails.
inline constexpr std::chrono::seconds patience{20};

inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(fd);
  return ntohs(address.sin_port);
}

inline std::string loopback(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

class etcd {
public:
  /// Alone, or, with `start` later, a member of several.
  explicit etcd(std::vector<std::string> more = {}, std::string scheme = "http")
      : etcd{initial::later, std::move(more), std::move(scheme)} {
    start();
  }
  enum class initial { later };
  explicit etcd(initial, std::vector<std::string> more = {}, std::string scheme = "http")
      : more_{std::move(more)}, scheme_{std::move(scheme)} {
    char name[] = "/tmp/carillon-etcd-XXXXXX";
    if (::mkdtemp(name) == nullptr)
      throw std::runtime_error("no folder");
    folder_ = name;
  }
  ~etcd() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  etcd(const etcd&) = delete;
  etcd& operator=(const etcd&) = delete;

  void start() {
    std::vector<std::string> words{"etcd", "--name", name(), "--data-dir", folder_ + "/data",
                                   "--listen-client-urls", url(), "--advertise-client-urls", url(),
                                   "--listen-peer-urls", peer_, "--initial-advertise-peer-urls", peer_,
                                   "--initial-cluster", members_, "--heartbeat-interval", "50",
                                   "--election-timeout", "500"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (auto& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      ::execvp("etcd", arguments.data());
      ::_exit(127);
    }
  }
  void stop() {
    if (process_ <= 0)
      return;
    ::kill(process_, SIGKILL);
    ::waitpid(std::exchange(process_, 0), nullptr, 0);
  }
  void pause() { ::kill(process_, SIGSTOP); }
  void go_on() { ::kill(process_, SIGCONT); }

  std::uint16_t port() const { return port_; }
  std::string url() const { return scheme_ + loopback(port_).substr(4); }
  std::string name() const { return "m" + std::to_string(port_); }
  /// As members name each other.
  std::string as_member() const { return name() + "=" + peer_; }
  void join(std::string members) { members_ = std::move(members); }

private:
  const std::vector<std::string> more_;
  const std::string scheme_;
  std::string folder_;
  const std::uint16_t port_ = free_port();
  const std::string peer_ = loopback(free_port());
  std::string members_ = as_member();
  pid_t process_ = 0;
};

/// Three of one cluster.
class etcd_members {
public:
  etcd_members() {
    std::string all;
    for (auto& each : members_) {
      each = std::make_unique<etcd>(etcd::initial::later);
      all += (all.empty() ? "" : ",") + each->as_member();
    }
    for (auto& each : members_)
      each->join(all), each->start();
  }
  etcd& operator[](std::size_t i) { return *members_[i]; }
  std::vector<std::string> urls() const {
    std::vector<std::string> out;
    for (const auto& each : members_)
      out.push_back(each->url());
    return out;
  }

  /// The one that says of itself that it leads. Throws when none does for long.
  std::size_t leader() {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end)
      for (std::size_t i = 0; i < members_.size(); ++i)
        if (leads(members_[i]->port()))
          return i;
    throw std::runtime_error("no member of etcd leads");
  }

private:
  static bool leads(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const timeval second{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
      const std::string ask = "POST /v3/maintenance/status HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n"
                              "Content-Length: 2\r\n\r\n{}";
      char block[4096];
      ssize_t got = ::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL);
      while (got > 0 && (got = ::recv(fd, block, sizeof block, 0)) > 0)
        answer.append(block, static_cast<std::size_t>(got));
    }
    ::close(fd);
    const auto value = [&](const std::string& member) {
      const auto at = answer.find("\"" + member + "\":\"");
      const auto begin = at + member.size() + 4;
      return at == std::string::npos ? "" : answer.substr(begin, answer.find('"', begin) - begin);
    };
    return !value("leader").empty() && value("leader") == value("member_id");
  }

  std::array<std::unique_ptr<etcd>, 3> members_;
};

/// What callbacks told, for a test that waits for something of it.
template <class What>
class heard {
public:
  void operator()(What what) {
    const std::lock_guard guard{mutex_};
    all_.push_back(std::move(what));
    more_.notify_all();
  }
  /// Asks once anything was told, and with each telling. False when it doesn't come.
  bool wait(const std::function<bool(const std::vector<What>&)>& enough) {
    std::unique_lock guard{mutex_};
    return more_.wait_for(guard, patience, [&] { return !all_.empty() && enough(all_); });
  }
  std::vector<What> all() {
    const std::lock_guard guard{mutex_};
    return all_;
  }

private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<What> all_;
};

template <class Result, class Start>
Result wait_for(Start start) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto future = promise->get_future();
  start([promise](Result result) { promise->set_value(std::move(result)); });
  if (future.wait_for(patience) != std::future_status::ready)
    throw std::runtime_error("a call was not answered");
  return future.get();
}

inline get_result get(configuration_store& store, const std::string& key, reach what = reach::key) {
  return wait_for<get_result>([&](auto done) { store.get(key, what, done); });
}
inline swap_result swap(configuration_store& store, swap_request request) {
  return wait_for<swap_result>([&](auto done) { store.compare_and_swap(std::move(request), done); });
}
inline lease_result grant(configuration_store& store, std::chrono::seconds ttl) {
  return wait_for<lease_result>([&](auto done) { store.grant(ttl, done); });
}

/// Reads until etcd answers.
inline void wait_until_up(configuration_store& store) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (get(store, "up").error)
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("etcd does not come up");
}

} // namespace etcd_fixture
