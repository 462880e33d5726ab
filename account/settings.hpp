#pragma once

#include "domain/rate_limit.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::account {

/// What holds for one account now: its profile over the node's defaults.
struct settings {
  std::string name;      ///< its public id
  bool paused = false;   ///< by the operator: nothing is claimed
  bool deleting = false; ///< by the operator: everything is cancelled, nothing more is taken
  bool held = false;     ///< the store was restored and not released yet: nothing is claimed
  std::vector<domain::limit_window> windows;
  std::uint64_t backlog_records = 100'000;
  std::uint64_t backlog_bytes = std::uint64_t{64} << 20;
  std::chrono::seconds backlog_age{24 * 3600}; ///< from the due time
  std::uint32_t max_subscriptions = 100;

  std::uint32_t slots = 64, slots_per_subscription = 8, slots_per_origin = 64;
  std::chrono::milliseconds delivery_timeout{15'000}; ///< from claim to deadline

  std::uint32_t suspend_after_failures = 20;
  std::chrono::seconds suspend_after{3600};
  std::chrono::seconds probe_interval{600};

  std::chrono::seconds retention_log{7 * 24 * 3600};
  std::chrono::seconds retention_missed{30 * 24 * 3600};
  std::chrono::seconds retention_idempotency{24 * 3600};
};

} // namespace carillon::account
