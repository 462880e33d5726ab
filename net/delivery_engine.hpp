#pragma once

#include "domain/outcome.hpp"
#include "domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::net {

class egress_policy;

/// Where a POST goes, parsed and checked once per subscription revision (`parse_target` in target.hpp) and shared by
/// all its jobs.
struct delivery_target;

/// One POST that a durable claim allows. The engine makes it at most once, whatever happens.
struct delivery_job {
  std::uint64_t owner = 0; ///< the account's number: comes back with the outcome, picks the pools' share
  std::uint64_t token = 0; ///< opaque to the engine: comes back with the outcome
  std::shared_ptr<const delivery_target> target;
  /// Complete header lines, each with its CRLF, beside those the engine writes itself (Host, Content-Length,
  /// Content-Type, User-Agent, Connection). Checked by the caller with `check_custom_header`.
  std::string headers;
  std::string body;
  /// Skips the certificate checks for this job. Pools and TLS sessions of the two modes are apart.
  bool insecure_ssl = false;
  /// Nothing is written after this moment: the job ends as `failed`, class timeout, without a first byte.
  domain::boot_time deadline{};
};

struct delivery_outcome {
  std::uint64_t owner = 0;
  std::uint64_t token = 0;
  domain::delivery_result result;
};

struct delivery_engine_settings {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds idle_timeout{4000}; ///< below the usual keep-alive of 5 s
  /// Many accounts may share an origin (a provider's hooks); below what is in flight there, each POST would cost a
  /// handshake.
  std::uint32_t max_idle_per_origin = 1024;
  std::uint32_t max_idle_total = 4096;
  std::size_t max_response_header = 8 * 1024;
  std::size_t max_response_body = 16 * 1024; ///< read so far, then the connection is closed
  std::size_t excerpt = 1024;
  std::string nameservers;   ///< "host:port,…" instead of the system's; empty: the system's
  std::string extra_ca_file; ///< PEM file of further trust anchors; empty: the system's only
};

/// Makes POSTs over HTTPS: one thread with its own event loop, connection pools, TLS sessions and DNS cache. It knows
/// jobs and outcomes and nothing of accounts, limits or storage.
///
/// Promise: every submitted job yields exactly one outcome, at the latest shortly after its deadline; and of a job at
/// most one request is ever written: once a byte of it was handed to a connection it is never written to another.
class delivery_engine {
public:
  /// Called on the engine's thread with everything that ended in one turn of the loop; must not block or throw.
  /// Returns whether it keeps something back: then it is called again within about a millisecond, though nothing may
  /// have ended.
  using outcome_sink = std::function<bool(std::vector<delivery_outcome>)>;

  /// Starts the thread. `policy` may be replaced at any time with `reload`. Throws std::runtime_error naming what
  /// can't be used: the file of trust anchors, the name servers.
  delivery_engine(delivery_engine_settings settings, std::shared_ptr<const egress_policy> policy, outcome_sink sink);
  /// Ends what is in flight as `failed` (class timeout, "shutting down") and joins the thread.
  ~delivery_engine();

  delivery_engine(const delivery_engine&) = delete;
  delivery_engine& operator=(const delivery_engine&) = delete;

  /// Thread-safe; returns at once.
  void submit(std::vector<delivery_job> jobs);

  /// Thread-safe: jobs submitted later use the new policy and the new trust anchors (PEM file, empty: system roots
  /// only), and no connection or TLS session from before. Errors in the file are thrown before anything changed.
  void reload(std::shared_ptr<const egress_policy> policy, const std::string& extra_ca_file);

  /// Open connections to receivers, idle ones included. Thread-safe, for metrics.
  std::size_t connections() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::net
