#pragma once

#include "coordination/configuration_store.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace carillon::coordination {

struct etcd_settings {
  /// "http://host:port" or "https://host:port", tried in turn, beginning with the one that answered last.
  std::vector<std::string> endpoints;
  /// PEM files for https endpoints: what their certificates are checked against, and what this node shows.
  /// Empty: the system's trust anchors; no certificate.
  std::string ca_file, certificate_file, key_file;
  /// For everything from connecting to the answer, on one endpoint: a request in flight when etcd's leader
  /// dies is held for 7 s otherwise.
  std::chrono::milliseconds attempt_timeout{300};
  /// Between two reads of what is watched.
  std::chrono::milliseconds poll_interval{1'000};
};

/// A store in etcd 3.4 or newer, over its JSON gateway. Has a thread of its own, which ends with it.
///
/// Throws std::runtime_error naming the endpoint or the file that can't be used; that nothing answers is no
/// error here, for etcd may come later.
std::unique_ptr<configuration_store> make_etcd_store(const etcd_settings& settings);

} // namespace carillon::coordination
