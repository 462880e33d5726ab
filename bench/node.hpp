#pragma once

#include "bench/child_process.hpp"
#include "bench/http_call.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::bench {

struct node_settings {
  std::filesystem::path program;   ///< the executable `carillon`
  std::filesystem::path folder;    ///< the node's own: store, keys, log
  std::filesystem::path authority; ///< the CA that the sink's certificate comes from
  std::vector<std::string> flags;  ///< more of the configuration, "--process.threads=1"
};

/// Where a node of that folder keeps its store, and the file of its master keys.
std::filesystem::path store_in(const std::filesystem::path& folder);
std::filesystem::path keys_in(const std::filesystem::path& folder);
/// Makes the folder and its keys unless they are there.
void prepare_folder(const std::filesystem::path& folder);

/// One `carillon serve`, allowed to deliver to loopback, on the store of its folder: a fresh one if none is
/// there.
class node {
public:
  /// Starts it and waits until it listens. Throws std::runtime_error with the end of its log when it doesn't.
  explicit node(const node_settings& settings);
  /// Until `/readyz` says so. Throws likewise.
  void wait_ready();

  /// From its start until it was ready.
  std::chrono::nanoseconds start_time() const noexcept { return start_time_; }

  std::uint16_t port() const noexcept { return port_; }
  std::chrono::nanoseconds cpu() const;
  std::uint64_t resident_bytes() const;
  /// Resident memory that is no file's: without the store's pages, which the system may drop at any time.
  std::uint64_t anonymous_bytes() const;
  /// A figure of its `/metrics`, summed over its labels; 0 when there is none of that name.
  double metric(std::string_view name) const;
  /// Several of them as they are at one moment.
  std::vector<double> metrics(std::initializer_list<std::string_view> names) const;
  /// What it has caused to be written to the disk.
  std::uint64_t written_bytes() const;

  /// A call with the admin token; any answer but 2xx throws std::runtime_error with its body.
  std::string call(std::string_view method, std::string_view target, std::string_view body = {}) const;
  /// A call of Copper's API with an account's key; likewise.
  std::string call_copper(const std::string& key, std::string_view method, std::string_view target,
                          std::string_view body = {}) const;
  /// A call of Pipeliner's API with an account's key; likewise.
  std::string call_pipeliner(const std::string& key_id, const std::string& key, std::string_view method,
                             std::string_view target, std::string_view body = {}) const;
  /// A token with the scope `ingest` for all accounts.
  std::string ingest_token() const;
  /// Waits until it takes a token that another node of its cluster made. Throws std::runtime_error when it
  /// doesn't.
  void wait_for_token(const std::string& token) const;

  /// Throws std::runtime_error with the end of its log when the process is gone.
  void check_alive();
  /// SIGTERM. Throws std::runtime_error unless it ends by itself, in time, with exit code 0.
  void stop();
  /// SIGKILL; returns when it is gone.
  void kill();

private:
  std::string log_end() const;

  std::filesystem::path log_;
  child_process process_;
  std::uint16_t port_ = 0;
  std::chrono::steady_clock::time_point began_;
  std::chrono::nanoseconds start_time_{};
};

} // namespace carillon::bench
