#pragma once

#include "net/descriptor.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace carillon::bench {

/// A name server on the loopback: every name is 127.0.0.1 for one second, but for those that begin with
/// "dead", about which it is silent.
class name_server {
public:
  /// Throws std::runtime_error when it gets no port.
  name_server();
  ~name_server();
  name_server(const name_server&) = delete;
  name_server& operator=(const name_server&) = delete;

  /// "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint64_t answered() const noexcept { return answered_; }
  std::uint64_t ignored() const noexcept { return ignored_; }

private:
  void run();

  net::descriptor socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> answered_{0}, ignored_{0};
  std::thread thread_;
};

} // namespace carillon::bench
