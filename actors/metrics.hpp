#pragma once

#include "account/notification.hpp"
#include "domain/ids.hpp"
#include "domain/outcome.hpp"
#include "domain/subscription.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::actors {

/// What a node counts, in Prometheus' form. No account label anywhere. Thread-safe.
class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// carillon_events_total{result}: "accepted", "duplicate", "refused".
  void events(std::string_view result, std::uint64_t count);
  /// carillon_notifications_total{state,dialect,error}; where a POST was made,
  /// carillon_delivery_duration_seconds and, unless it had to wait for a later due time,
  /// carillon_acceptance_to_send_seconds.
  void ended(const account::notification& n);
  /// carillon_commit_duration_seconds, carillon_commit_batch_size.
  void committed(double seconds, std::size_t batches);
  /// carillon_retention_cpu_seconds_total: to find what is past and to erase it.
  void retention(std::chrono::nanoseconds cpu);
  /// carillon_http_request_duration_seconds{route,code}.
  void answered(std::string_view route, int code, double seconds);

  /// An account's contribution to the node's sums changed by so much.
  void pending(std::int64_t change);
  void claims_held(std::int64_t change);
  void subscriptions(domain::subscription_status status, std::int64_t change);
  /// carillon_oldest_due_age_seconds is the oldest of all accounts'; nothing: it has none waiting.
  void oldest_due(domain::account_id account, std::optional<domain::boot_time> due);
  /// carillon_accounts{state}, as counted over the whole catalog.
  void accounts(std::string_view state, std::uint64_t count);

  /// Values that are read when somebody asks: name, label name, label value, and where to read. Register
  /// before serving.
  void gauge(const std::string& name, const std::string& help, const std::string& label,
             const std::string& value, std::function<double()> read);

  /// The text format, version 0.0.4.
  std::string render() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::actors
