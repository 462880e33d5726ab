#pragma once

#include "domain/outcome.hpp"
#include "domain/subscription.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace carillon::account {

/// When Carillon suspends a subscription by itself.
struct suspension_rule {
  std::uint32_t failures = 20;     ///< at least so many in a row …
  std::chrono::seconds over{3600}; ///< … and the first of them so long ago
};

struct holding_verdict {
  domain::subscription_status status{};
  std::string reason;
};

/// Whether an outcome changes a subscription's status. `s` already counts the outcome in its failures. A 410
/// suspends at once; failures in a row suspend by the rule; a 2xx reactivates a suspended one. A pause is its
/// owner's and stays.
std::optional<holding_verdict> judge(const domain::subscription& s, const domain::delivery_result& result,
                                     domain::wall_time now, const suspension_rule& rule);

/// How long a 429's or 503's Retry-After is honoured at most.
inline constexpr std::chrono::seconds longest_retry_after{3600};

} // namespace carillon::account
