#pragma once

#include "bench/child_process.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace carillon::bench {

/// A port of 127.0.0.1 that nothing listens on now.
std::uint16_t free_port();

/// An etcd of one member, with the times that docs/cluster.md advises for one data centre. It ends with its
/// owner.
class etcd {
public:
  /// Keeps its data and log in `folder`. Throws std::runtime_error when it can't be started or doesn't get
  /// ready.
  explicit etcd(const std::filesystem::path& folder);

  /// "http://127.0.0.1:PORT"
  std::string url() const;

private:
  std::uint16_t port_;
  child_process process_;
};

/// Whether there is an etcd on this machine.
bool etcd_is_there();

} // namespace carillon::bench
