#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Certificates made on the spot, and a blocking TLS server whose behaviour a test scripts.
namespace tls_fixture {

struct free_ssl {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};

struct identity {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;
};

struct identity_spec {
  std::string common_name = "test";
  std::string alternative_names{}; ///< "DNS:localhost,IP:127.0.0.1"; empty: none
  long valid_from = -3600;         ///< seconds from now
  long valid_until = 3600;
  bool authority = false;
};

/// A certificate signed by `issuer`, or by itself when there is none.
inline identity make_identity(const identity_spec& spec, const identity* issuer = nullptr) {
  identity made;
  made.key.reset(EVP_EC_gen("P-256"), free_ssl{});
  made.certificate.reset(X509_new(), free_ssl{});
  auto* x = made.certificate.get();
  static std::atomic<long> serial{1};
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), spec.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(x), spec.valid_until);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1, 0);
  auto* signer = issuer == nullptr ? x : issuer->certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(signer));
  X509_set_pubkey(x, made.key.get());
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, x, nullptr, nullptr, 0);
  const auto extend = [&](int nid, const std::string& value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr)
      throw std::runtime_error("bad certificate extension " + value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, spec.authority ? "critical,CA:TRUE" : "CA:FALSE");
  extend(NID_subject_key_identifier, "hash");
  if (!spec.alternative_names.empty())
    extend(NID_subject_alt_name, spec.alternative_names);
  X509_sign(x, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

/// A file in the temporary folder that goes with the object.
class temporary_file {
public:
  explicit temporary_file(const std::string& content) {
    char name[] = "/tmp/carillon-test-XXXXXX";
    const int fd = mkstemp(name);
    path_ = name;
    if (fd < 0 || write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
      throw std::runtime_error("cannot write a temporary file");
    ::close(fd);
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

inline std::string to_pem(const identity& of) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, of.certificate.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

/// One connection, on the server's side.
class peer {
public:
  peer(int fd, SSL* tls, const std::atomic<bool>& server_stops) : stopping{server_stops}, fd_{fd}, tls_{tls} {}

  /// The next whole request, or nothing when the client has gone. Whatever of it was read stays in `partial`.
  std::optional<std::string> read_request() {
    for (;;) {
      if (const auto end = partial.find("\r\n\r\n"); end != std::string::npos) {
        std::size_t length = 0;
        if (const auto at = partial.find("Content-Length: "); at != std::string::npos && at < end)
          length = std::stoul(partial.substr(at + 16));
        if (partial.size() >= end + 4 + length) {
          auto request = partial.substr(0, end + 4 + length);
          partial.erase(0, request.size());
          return request;
        }
      }
      char buffer[16384];
      const int got = SSL_read(tls_, buffer, sizeof buffer);
      if (got <= 0)
        return std::nullopt;
      partial.append(buffer, static_cast<std::size_t>(got));
    }
  }

  bool write(const std::string& text) {
    return SSL_write(tls_, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
  }

  bool answer(int status, const std::string& body = "ok", const std::string& headers = "") {
    return write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                 headers + "\r\n" + body);
  }

  /// Blocks until the client has closed (or the server is stopped); true when nothing more came before.
  bool wait_for_end() { return !read_request() && partial.empty(); }

  /// The next `close` sends a reset.
  void reset_on_close() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  SSL* tls() { return tls_; }
  int fd() const { return fd_; }
  std::string partial;
  const std::atomic<bool>& stopping; ///< the server ends: a script that waits for something else must too

private:
  int fd_;
  SSL* tls_;
};

struct server_script {
  std::function<bool(int fd)> before_tls{};  ///< false: close at once
  std::function<void(peer&)> serve{};        ///< what to do with a connection; it's closed afterwards
  std::function<void(SSL_CTX*)> configure{}; ///< e.g. the TLS versions
};

/// Accepts on the loopback, on a free port unless told one, until it is destroyed; a thread per connection.
class server {
public:
  server(const identity& as, server_script script, const char* at = "127.0.0.1", std::uint16_t wanted_port = 0)
      : script_{std::move(script)} {
    std::signal(SIGPIPE, SIG_IGN);
    context_.reset(SSL_CTX_new(TLS_server_method()), free_ssl{});
    SSL_CTX_use_certificate(context_.get(), as.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), as.key.get());
    if (script_.configure)
      script_.configure(context_.get());
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, at, &address.sin_addr);
    address.sin_port = htons(wanted_port);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 1024) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept_all(); }};
  }

  ~server() {
    stopping = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard guard{mutex_};
      for (int fd : open_)
        shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_)
      thread.join();
  }

  std::string url(const std::string& host = "localhost") const { return "https://" + host + ":" + std::to_string(port_) + "/hook"; }
  std::uint16_t port() const { return port_; }

  std::atomic<int> accepted{0};  ///< TCP connections
  std::atomic<int> handshakes{0};
  std::atomic<int> resumed{0};   ///< of the handshakes
  std::atomic<int> requests{0};  ///< counted by the scripts
  std::atomic<bool> stopping{false};

private:
  void accept_all() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0)
        return;
      ++accepted;
      const int on = 1; // or a reset throws away what still waits to be sent
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard guard{mutex_};
      open_.insert(fd);
      threads_.emplace_back([this, fd] {
        serve(fd);
        const std::lock_guard inner{mutex_};
        open_.erase(fd);
        ::close(fd);
      });
    }
  }

  void serve(int fd) {
    if (script_.before_tls && !script_.before_tls(fd))
      return;
    SSL* tls = SSL_new(context_.get());
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1) {
      ++handshakes;
      if (SSL_session_reused(tls) != 0)
        ++resumed;
      peer client{fd, tls, stopping};
      if (script_.serve)
        script_.serve(client);
    }
    SSL_free(tls);
  }

  server_script script_;
  std::shared_ptr<SSL_CTX> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

} // namespace tls_fixture
