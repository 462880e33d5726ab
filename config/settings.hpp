#pragma once

#include "config/defaults.hpp"

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

/// The configuration of a node: one struct a section, one member a key (`http.admin-listen` is
/// `http.admin_listen`).
///
/// Paths, lists and texts that nobody set are empty. Sizes are bytes. `load.hpp` fills and validates it; what
/// comes out of there is consistent.
namespace carillon::config {

/// At most `count` notifications in any `length`: "600/60s".
struct window_setting {
  std::uint32_t count = 0;
  std::chrono::seconds length{0};
  bool operator==(const window_setting&) const = default;
};

enum class log_format : std::uint8_t {
  automatic, ///< text when stderr is a terminal, else json
  text,
  json,
};

enum class log_level : std::uint8_t { trace, debug, info, warning, error };

struct http_settings {
  std::vector<std::string> listen{
      defaults::http_listen};               ///< "host:port", "[::1]:port"; port 0 picks a free one
  std::vector<std::string> admin_listen;    ///< not empty: admin and ingest routes answer only there
  std::string tls_certificate;              ///< PEM file; set with `tls_key` or not at all
  std::string tls_key;                      ///< PEM file
  std::vector<std::string> trusted_proxies; ///< CIDRs whose X-Forwarded-For counts
  std::uint32_t max_connections = defaults::http_max_connections;
  std::chrono::milliseconds header_timeout = defaults::http_header_timeout;
  std::chrono::milliseconds body_timeout = defaults::http_body_timeout;
  bool operator==(const http_settings&) const = default;
};

struct storage_settings {
  std::string directory = defaults::storage_directory;
  std::uint64_t map_size = defaults::storage_map_size; ///< bytes
  bool operator==(const storage_settings&) const = default;
};

struct auth_settings {
  std::string admin_token_file;
  std::string master_key_file; ///< lines `id:base64(32 bytes)`; the first encrypts, all decrypt
  /// The operator's token, read from CARILLON_ADMIN_TOKEN or from `admin_token_file`; empty when neither is
  /// set. Not a key of its own: `print` masks it.
  std::string admin_token;
  bool operator==(const auth_settings&) const = default;
};

struct egress_settings {
  std::vector<std::string> allow; ///< CIDRs exempt from the default deny
  std::vector<std::string> deny;  ///< CIDRs that win over all
  std::vector<std::uint16_t> ports{std::begin(defaults::egress_ports),
                                   std::end(defaults::egress_ports)}; ///< empty: any
  std::string ca_file;                                                ///< PEM file of extra trust anchors
  bool allow_insecure_ssl = true;
  bool operator==(const egress_settings&) const = default;
};

struct delivery_settings {
  std::chrono::milliseconds timeout = defaults::delivery_timeout; ///< over DNS + connect + TLS + response
  std::chrono::milliseconds connect_timeout = defaults::delivery_connect_timeout;
  std::uint32_t per_account = defaults::delivery_per_account; ///< POSTs in flight, like the next three
  std::uint32_t per_subscription = defaults::delivery_per_subscription;
  std::uint32_t per_origin = defaults::delivery_per_origin; ///< per (account, origin)
  std::uint32_t total = defaults::delivery_total;
  std::uint32_t suspend_after_failures = defaults::delivery_suspend_after_failures;
  std::chrono::milliseconds suspend_after = defaults::delivery_suspend_after;
  std::chrono::milliseconds probe_interval = defaults::delivery_probe_interval;
  bool operator==(const delivery_settings&) const = default;
};

/// Per request.
struct ingest_settings {
  std::uint32_t max_events = defaults::ingest_max_events;
  std::uint64_t max_body = defaults::ingest_max_body; ///< bytes
  std::uint32_t max_records = defaults::ingest_max_records;
  bool operator==(const ingest_settings&) const = default;
};

/// What an account has that says nothing else.
struct limits_settings {
  std::vector<window_setting> windows{
      {defaults::limits_first_count, std::chrono::seconds{defaults::limits_first_seconds}},
      {defaults::limits_second_count,
       std::chrono::seconds{defaults::limits_second_seconds}}}; ///< 1..4, ≤ 3,600 s
  std::uint32_t backlog_records = defaults::limits_backlog_records;
  std::uint64_t backlog_bytes = defaults::limits_backlog_bytes;
  std::chrono::milliseconds backlog_age =
      defaults::limits_backlog_age; ///< from the due time; ≤ `retention.bodies`
  std::uint32_t subscriptions = defaults::limits_subscriptions;
  bool operator==(const limits_settings&) const = default;
};

struct retention_settings {
  std::chrono::milliseconds missed = defaults::retention_missed;
  std::chrono::milliseconds log = defaults::retention_log;
  std::chrono::milliseconds bodies = defaults::retention_bodies;
  std::chrono::milliseconds idempotency = defaults::retention_idempotency;
  bool operator==(const retention_settings&) const = default;
};

struct process_settings {
  std::uint32_t threads = 1; ///< `load` makes it min(cores, cgroup quota) when not set
  bool operator==(const process_settings&) const = default;
};

struct shutdown_settings {
  std::chrono::milliseconds delay = defaults::shutdown_delay;
  std::chrono::milliseconds timeout = defaults::shutdown_timeout;
  bool operator==(const shutdown_settings&) const = default;
};

struct log_settings {
  log_format format = log_format::automatic;
  log_level level = log_level::info;
  bool operator==(const log_settings&) const = default;
};

/// A node alone has no name, and none of the texts and lists; a member of a cluster has all of them, but for
/// `advertise`.
struct cluster_settings {
  std::string name;
  std::vector<std::string> etcd;    ///< "http://host:port", "https://host:port"
  std::string listen;               ///< where other nodes connect; port 0 picks a free one
  std::string advertise;            ///< "host:port" that others dial; empty: where it listens
  std::string certificate, key, ca; ///< PEM files
  std::uint32_t replicas = defaults::cluster_replicas;
  std::uint32_t min_replicas = defaults::cluster_min_replicas; ///< at most `replicas`
  bool operator==(const cluster_settings&) const = default;
};

struct settings {
  http_settings http;
  storage_settings storage;
  auth_settings auth;
  egress_settings egress;
  delivery_settings delivery;
  ingest_settings ingest;
  limits_settings limits;
  retention_settings retention;
  process_settings process;
  shutdown_settings shutdown;
  log_settings log;
  cluster_settings cluster;
  bool operator==(const settings&) const = default;
};

} // namespace carillon::config
