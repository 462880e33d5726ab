#pragma once

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace carillon::net {

/// A listener's certificate and key, and the TLS settings around them: TLS 1.2 or later, `http/1.1` only,
/// no renegotiation. Thread-safe.
class tls_server {
public:
  /// Reads two PEM files; throws std::runtime_error naming the file that can't be used.
  tls_server(std::string certificate_chain, std::string key);

  /// The settings for new connections.
  std::shared_ptr<boost::asio::ssl::context> context() const;

  /// Reads both files again; throws, keeping what was, when they can't be used.
  void reload();

  /// When the certificate in use ends.
  std::chrono::system_clock::time_point expiry() const;

private:
  struct loaded {
    std::shared_ptr<boost::asio::ssl::context> context;
    std::chrono::system_clock::time_point expiry;
  };
  loaded load() const;

  std::string certificate_;
  std::string key_;
  mutable std::mutex mutex_;
  loaded current_;
};

} // namespace carillon::net
