#pragma once

#include "net/link_hello.hpp"
#include "net/node_link.hpp"
#include "tests/unit/tls_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/time.h>

#include <condition_variable>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Nodes with links, each with a certificate of its own, and peers that say what a test wants them to.
namespace link_tests {

using namespace carillon::net;
using namespace std::chrono_literals;

/// No healthy run needs so long.
constexpr auto patience = 20s;

/// As a node does.
inline const auto ignored_before = std::signal(SIGPIPE, SIG_IGN);

inline std::string key_pem(const tls_fixture::identity& of) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, of.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

/// The cluster's CA, and another that nobody should trust.
struct authorities {
  tls_fixture::identity cluster = tls_fixture::make_identity({"cluster CA", "", -3600, 3600, true});
  tls_fixture::identity foreign = tls_fixture::make_identity({"foreign CA", "", -3600, 3600, true});
};

inline const authorities& cas() {
  static const authorities all;
  return all;
}

/// The certificate of a node at this host ("DNS:…" or "IP:…").
inline tls_fixture::identity node_identity(const std::string& name = "IP:127.0.0.1",
                                           const tls_fixture::identity& ca = cas().cluster) {
  return tls_fixture::make_identity({"node", name}, &ca);
}

inline link_hello hello_of(const std::string& node, const std::string& host = "127.0.0.1") {
  return {"test", node, host, 1, 1};
}

/// Where a node differs from the usual one.
struct adjust {
  std::function<void(node_link_settings&)> settings{};
  std::optional<tls_fixture::identity> identity{};
  std::function<bool(const link_hello&)> expected{};
};

/// A node's links, and what they told.
class test_node {
public:
  explicit test_node(const std::string& name, adjust with = {})
      : identity_{with.identity.value_or(node_identity())}, certificate_{tls_fixture::to_pem(identity_)},
        key_{key_pem(identity_)}, ca_{tls_fixture::to_pem(cas().cluster)}, expected_{std::move(with.expected)},
        links{settings(name, with)} {
    links.start(events());
  }

  node_link_events events() {
    return {[this](const link_hello& peer) { return !expected_ || expected_(peer); },
            [this](node_link link) {
              const std::lock_guard lock{mutex_};
              accepted_.push_back(std::move(link));
              changed_.notify_all();
            },
            [this](std::uint64_t id, std::string reason) {
              const std::lock_guard lock{mutex_};
              closed_[id] = std::move(reason);
              changed_.notify_all();
            },
            [this](const std::string& node, std::uint64_t, std::string message) {
              const std::lock_guard lock{mutex_};
              messages_.push_back({node, std::move(message)});
              changed_.notify_all();
            }};
  }

  /// The first so many messages that came, with who sent them; fewer when they don't come.
  std::vector<std::pair<std::string, std::string>> messages(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, patience, [&] { return messages_.size() >= count; });
    return messages_;
  }

  /// Waits for the outcome of an attempt.
  std::variant<node_link, link_failure> connect(const std::string& address, const std::string& node) {
    std::optional<std::variant<node_link, link_failure>> got;
    links.connect(address, node, [&](auto result) {
      const std::lock_guard lock{mutex_};
      got = std::move(result);
      changed_.notify_all();
    });
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return got.has_value(); }))
      std::abort(); // the callback refers to this frame
    return std::move(*got);
  }

  std::variant<node_link, link_failure> connect(test_node& to, const std::string& node) {
    return connect(to.links.address(), node);
  }

  /// The next link that a peer opened.
  std::optional<node_link> accepted() {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return !accepted_.empty(); }))
      return std::nullopt;
    std::optional<node_link> out{std::move(accepted_.front())};
    accepted_.erase(accepted_.begin());
    return out;
  }

  std::size_t accepted_now() {
    const std::lock_guard lock{mutex_};
    return accepted_.size();
  }

  /// Why this link ended, once it has.
  std::string closed(std::uint64_t id) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return closed_.contains(id); }))
      return "still open";
    return closed_[id];
  }

private:
  node_link_settings settings(const std::string& name, const adjust& with) const {
    node_link_settings out;
    out.self = hello_of(name);
    out.listen = "127.0.0.1:0";
    out.certificate = certificate_.path();
    out.key = key_.path();
    out.ca = ca_.path();
    out.silence = 60s; // tests carry nothing for long
    if (with.settings)
      with.settings(out);
    return out;
  }

  tls_fixture::identity identity_;
  tls_fixture::temporary_file certificate_, key_, ca_;
  std::function<bool(const link_hello&)> expected_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<node_link> accepted_;
  std::map<std::uint64_t, std::string> closed_;
  std::vector<std::pair<std::string, std::string>> messages_;

public:
  node_links links;
};

/// Blocking reads and writes at a tunnel's end or at a plain socket, which give up when nothing moves.
class blocking {
public:
  explicit blocking(int fd) : fd_{fd} {
    const timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// So many bytes, or fewer when the other end was closed first.
  std::string read(std::size_t count) const {
    std::string out(count, '\0');
    std::size_t have = 0;
    while (have < count) {
      const auto got = ::recv(fd_, out.data() + have, count - have, 0);
      if (got <= 0)
        break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

  /// Whether the other end was closed with nothing more to read.
  bool ended() const {
    char byte = 0;
    const auto got = ::recv(fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

  /// How much can be written without anybody reading.
  std::size_t fill() const {
    const std::string block(16 * 1024, 'x');
    std::size_t sum = 0;
    // Until nothing has moved for a while: what is on its way has arrived then.
    for (pollfd one{fd_, POLLOUT, 0}; ::poll(&one, 1, 500) > 0;) {
      const auto sent = ::send(fd_, block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0)
        sum += static_cast<std::size_t>(sent);
      else if (errno != EAGAIN)
        break;
    }
    return sum;
  }

private:
  int fd_;
};

/// A plain TCP connection to a node.
inline descriptor tcp_to(const std::string& address) {
  descriptor out{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("can't connect to " + address);
  return out;
}

/// A TLS client that writes what it is told.
class tls_stranger {
public:
  tls_stranger(const std::string& address, const tls_fixture::identity* as, int version = TLS1_3_VERSION)
      : socket_{tcp_to(address)}, limits_{socket_.get()} {
    context_.reset(SSL_CTX_new(TLS_client_method()), tls_fixture::free_ssl{});
    SSL_CTX_set_max_proto_version(context_.get(), version);
    if (as != nullptr) {
      SSL_CTX_use_certificate(context_.get(), as->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), as->key.get());
    }
    tls_.reset(SSL_new(context_.get()), [](SSL* p) { SSL_free(p); });
    SSL_set_fd(tls_.get(), socket_.get());
    connected = SSL_connect(tls_.get()) == 1;
  }

  bool write(std::string_view bytes) {
    return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }

  /// The next frame; nothing when the connection ended.
  std::optional<link_frame> read() {
    std::string bytes = take(link_frame_header);
    const auto size = payload_size(bytes);
    return size ? decode(bytes + take(*size)) : std::nullopt;
  }

  /// Ends without a word.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

  /// The node has closed.
  bool ended() { return take(1).empty(); }

  bool connected = false;

private:
  std::string take(std::size_t count) {
    std::string out;
    char byte = 0;
    while (out.size() < count && SSL_read(tls_.get(), &byte, 1) == 1)
      out.push_back(byte);
    return out;
  }

  descriptor socket_;
  blocking limits_;
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> tls_;
};

} // namespace link_tests
