#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every limit and default of the configuration by name, each with its unit and the reason for its size.
///
/// `settings.hpp` uses them as the values of keys nobody set, `load.cpp` as the bounds of what may be set.
namespace carillon::config::defaults {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::uint64_t kibibyte = 1024;
inline constexpr std::uint64_t mebibyte = 1024 * kibibyte;
inline constexpr std::uint64_t gibibyte = 1024 * mebibyte;

// --- http ---------------------------------------------------------------------------------------

/// Loopback only: a first start exposes nothing to the network.
inline constexpr const char* http_listen = "127.0.0.1:8080";
/// Clients' connections. About 10 KiB each when idle, so 100 MiB in all, below the usual 64 Ki descriptors.
inline constexpr std::uint32_t http_max_connections = 10'000;
/// From acceptance to the head's end. Ten seconds outlast three retransmissions of a lost packet.
inline constexpr milliseconds http_header_timeout = seconds{10};
/// From the head's end to the body's end: 8 MiB within it asks for 280 KiB/s.
inline constexpr milliseconds http_body_timeout = seconds{30};
/// Listeners a list may name: each is one socket and one line on stdout.
inline constexpr std::size_t http_max_listeners = 16;

// --- storage ------------------------------------------------------------------------------------

inline constexpr const char* storage_directory = "./var/carillon";
/// Bytes of address space, not of disk: the file grows as it is used. Too small is a lasting 503, too large
/// is free.
inline constexpr std::uint64_t storage_map_size = 64 * gibibyte;
/// Below it the ballast, the free list and one full batch no longer fit side by side.
inline constexpr std::uint64_t storage_min_map_size = 16 * mebibyte;
/// Half of the 47-bit user address space of x86-64.
inline constexpr std::uint64_t storage_max_map_size = 64 * 1024 * gibibyte;

// --- egress -------------------------------------------------------------------------------------

/// HTTPS and its common alternative: anything else is more often a port scan than a webhook.
inline constexpr std::uint16_t egress_ports[] = {443, 8443};

// --- delivery -----------------------------------------------------------------------------------

/// One deadline over DNS, connect, TLS and the response. The dialects' products wait between 10 and 30 s.
inline constexpr milliseconds delivery_timeout = seconds{15};
/// A third of it, so that a second address can still be tried.
inline constexpr milliseconds delivery_connect_timeout = seconds{5};
/// A claim holds its places in the windows while it is open; longer ones would starve the account.
inline constexpr milliseconds delivery_max_timeout = minutes{5};
/// POSTs in flight of one account: at 600 a minute and 6 s a POST it is just not the bottleneck.
inline constexpr std::uint32_t delivery_per_account = 64;
/// POSTs in flight of one subscription: receivers see a handful of parallel requests, not a flood.
inline constexpr std::uint32_t delivery_per_subscription = 8;
/// POSTs in flight of one account to one origin.
inline constexpr std::uint32_t delivery_per_origin = 64;
/// POSTs in flight of the node: about 30 KiB each with TLS, so 256 MiB.
inline constexpr std::uint32_t delivery_total = 8'192;
/// Failures in a row, over at least `delivery_suspend_after`, until a subscription is suspended: both, so
/// that neither a burst into a short outage nor one failure an hour suspends.
inline constexpr std::uint32_t delivery_suspend_after_failures = 20;
inline constexpr milliseconds delivery_suspend_after = hours{1};
/// While suspended, one notification per interval is tried.
inline constexpr milliseconds delivery_probe_interval = minutes{10};

// --- ingest -------------------------------------------------------------------------------------

/// Events of one request: all or nothing, so one batch.
inline constexpr std::uint32_t ingest_max_events = 1'000;
/// Bytes of one request's body.
inline constexpr std::uint64_t ingest_max_body = 8 * mebibyte;
/// A body is held in memory while it is parsed: about three times its size.
inline constexpr std::uint64_t ingest_largest_max_body = 256 * mebibyte;
/// Record ids of one request, over all its events.
inline constexpr std::uint32_t ingest_max_records = 10'000;
/// The most either count may be set to: what one durable batch still takes.
inline constexpr std::uint32_t ingest_largest_count = 100'000;

// --- limits (defaults of an account) ------------------------------------------------------------

/// Copper: at most 600 notifications a minute and 1,800 in ten minutes.
inline constexpr std::uint32_t limits_first_count = 600;
inline constexpr std::uint32_t limits_first_seconds = 60;
inline constexpr std::uint32_t limits_second_count = 1'800;
inline constexpr std::uint32_t limits_second_seconds = 600;
/// Windows of one account: each claim looks at all of them.
inline constexpr std::size_t limits_max_windows = 4;
/// The longest window: its send times are kept in memory.
inline constexpr seconds limits_max_window = hours{1};
/// The most a window may allow, 8 bytes of memory each.
inline constexpr std::uint32_t limits_max_window_count = 1'000'000;
/// Records waiting in one account; at the default rate about ten hours' worth.
inline constexpr std::uint32_t limits_backlog_records = 100'000;
/// Bytes of event bodies waiting in one account.
inline constexpr std::uint64_t limits_backlog_bytes = 64 * mebibyte;
/// How long after its due time a notification may still be sent: a change of yesterday is stale.
inline constexpr milliseconds limits_backlog_age = hours{24};
inline constexpr std::uint32_t limits_subscriptions = 100;
/// Each event is matched against its account's subscriptions in one actor turn.
inline constexpr std::uint32_t limits_largest_subscriptions = 10'000;
inline constexpr std::uint32_t limits_largest_backlog_records = 10'000'000;

// --- retention ----------------------------------------------------------------------------------

/// The missed feed: a consumer that was down over a month's end can still reconcile.
inline constexpr milliseconds retention_missed = days{30};
/// The delivery log.
inline constexpr milliseconds retention_log = days{7};
/// Event bodies, the bulk of the store; at least `limits_backlog_age`, for a body is needed at the send.
inline constexpr milliseconds retention_bodies = days{3};
/// How long an event id is remembered, so that its repeat is a duplicate.
inline constexpr milliseconds retention_idempotency = hours{24};
/// Ten years, for all of them: past it a typing error is likelier than a wish.
inline constexpr milliseconds retention_max = days{3650};

// --- admission: what waits in memory for its commit, bytes; per ingress actor -----------------------

/// What one account may have waiting, so that a flood of one is refused (429) before others feel it.
inline constexpr std::size_t ingress_bytes_per_account = std::size_t{16} << 20;
/// What all may have waiting: over it the node is overloaded (503). Above several of the largest requests.
inline constexpr std::size_t ingress_bytes_total = std::size_t{128} << 20;

// --- process, shutdown --------------------------------------------------------------------------

inline constexpr std::uint32_t process_max_threads = 1'024;
/// Between SIGTERM (and a 503 of `/readyz`) and the end of new claims: 0 unless a load balancer needs time.
inline constexpr milliseconds shutdown_delay = seconds{0};
/// For what is in flight; longer than `delivery_timeout`, so nothing is cut off by default.
inline constexpr milliseconds shutdown_timeout = seconds{20};
/// Over both: service managers kill after minutes.
inline constexpr milliseconds shutdown_max = hours{1};

/// The longest timeout or interval of any other key.
inline constexpr milliseconds longest_interval = days{1};

// --- cluster ------------------------------------------------------------------------------------

/// Nodes that hold a shard: one may be lost.
inline constexpr std::uint32_t cluster_replicas = 2;
/// How many of them must be there to acknowledge. As many as `cluster_replicas`: nothing that was accepted is
/// ever on one disk alone, so a third node must be there to take a lost one's place.
inline constexpr std::uint32_t cluster_min_replicas = 2;
/// Each row waits for the slowest of them, and costs each a sync; five outlast two failures and a repair.
inline constexpr std::uint32_t cluster_most_replicas = 5;
/// Endpoints of the configuration store: the largest etcd that makes sense has seven members.
inline constexpr std::size_t cluster_most_endpoints = 16;
/// Characters of the cluster's name: it is part of etcd's keys, and a DNS label everywhere.
inline constexpr std::size_t cluster_longest_name = 63;

} // namespace carillon::config::defaults
