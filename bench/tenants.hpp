#pragma once

#include "bench/node.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace carillon::bench {

/// Whether an account's subscription sends what it matches, or holds it.
enum class sending : std::uint8_t { active, paused };

/// What the accounts of a row are like.
struct tenant_wish {
  sending how = sending::active;
  std::size_t others = 0; ///< further Copper subscriptions, which no event of the generator matches
  bool own_limits = true; ///< else the node's defaults, also for the backlog
  std::uint32_t backlog = 10'000'000; ///< records, of the own limits; the largest that the API takes
};

/// Makes accounts named `prefix` and a number, each with one Copper subscription to updates of people at
/// `target`. Their own limits are such as no row reaches, but of the default's shape: two windows. Their
/// names.
std::vector<std::string> make_tenants(const node& on, std::size_t count, const std::string& prefix,
                                      const std::string& target, const tenant_wish& wish);
inline std::vector<std::string> make_tenants(const node& on, std::size_t count, const std::string& prefix,
                                             const std::string& target, sending how) {
  tenant_wish wish;
  wish.how = how;
  return make_tenants(on, count, prefix, target, wish);
}

/// A webhook of Pipeliner's dialect: `events` and `options` are JSON.
struct webhook_wish {
  std::string url, events, options;
};

/// Makes accounts as above, each with these webhooks of Pipeliner's dialect instead. Their names.
std::vector<std::string> make_pipeliner_tenants(const node& on, std::size_t count, const std::string& prefix,
                                                const std::vector<webhook_wish>& wishes);

/// The id of the account's one subscription.
std::uint64_t subscription_of(const node& on, const std::string& account);

/// Record ids of the account's notifications that ended as `unknown`.
std::set<std::uint64_t> unknown_in(const node& on, const std::string& account);

/// Notifications that wait in those accounts.
std::uint64_t pending_in(const node& on, const std::vector<std::string>& accounts);

} // namespace carillon::bench
