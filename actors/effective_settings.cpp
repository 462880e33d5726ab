#include "actors/effective_settings.hpp"

namespace carillon::actors {

namespace {
std::chrono::seconds to_seconds(std::chrono::milliseconds t) {
  return std::chrono::ceil<std::chrono::seconds>(t);
}
} // namespace

account::settings effective_settings(const storage::account_profile& profile, const config::settings& node,
                                     bool held) {
  account::settings s;
  s.name = profile.id;
  s.paused = profile.state == storage::account_state::paused;
  s.deleting = profile.state == storage::account_state::deleting;
  s.held = held;
  if (profile.limits.windows) {
    s.windows = *profile.limits.windows;
  } else {
    for (const auto& w : node.limits.windows)
      s.windows.push_back({w.count, w.length});
  }
  s.backlog_records = profile.limits.backlog_records.value_or(node.limits.backlog_records);
  s.backlog_bytes = node.limits.backlog_bytes;
  s.backlog_age = profile.limits.backlog_seconds ? std::chrono::seconds{*profile.limits.backlog_seconds}
                                                 : to_seconds(node.limits.backlog_age);
  s.max_subscriptions = profile.limits.max_subscriptions.value_or(node.limits.subscriptions);
  s.slots = node.delivery.per_account;
  s.slots_per_subscription = node.delivery.per_subscription;
  s.slots_per_origin = node.delivery.per_origin;
  s.delivery_timeout = node.delivery.timeout;
  s.suspend_after_failures = node.delivery.suspend_after_failures;
  s.suspend_after = to_seconds(node.delivery.suspend_after);
  s.probe_interval = to_seconds(node.delivery.probe_interval);
  s.retention_log = to_seconds(node.retention.log);
  s.retention_missed = to_seconds(node.retention.missed);
  s.retention_idempotency = to_seconds(node.retention.idempotency);
  return s;
}

} // namespace carillon::actors
