#pragma once

#include "domain/ids.hpp"
#include "domain/rate_limit.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace carillon::api {

/// Calls an account may make in any minute: Copper's documented limit.
inline constexpr domain::limit_window copper_call_window{180, std::chrono::seconds{60}};

/// Counts the calls of each account in a sliding window. Thread-safe.
class call_limit {
public:
  explicit call_limit(domain::limit_window window = copper_call_window) : window_{window} {}

  /// Counts one call; 0 when it may go on, else the seconds until the next one may (it is not counted then).
  std::uint32_t take(domain::account_id account, domain::boot_time now);

private:
  domain::limit_window window_;
  std::mutex guard_;
  std::unordered_map<std::uint64_t, domain::rate_limit> accounts_;
};

} // namespace carillon::api
