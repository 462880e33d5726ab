#pragma once

#include "bench/node.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::bench {

/// Whether an account's subscription sends what it matches, or holds it.
enum class sending : std::uint8_t { active, paused };

/// Makes accounts named `prefix` and a number, with limits that no row reaches (but of the default's shape:
/// two windows), each with one Copper subscription to updates of people at `target`. Their names.
std::vector<std::string> make_tenants(const node& on, std::size_t count, const std::string& prefix,
                                      const std::string& target, sending how);

/// A webhook of Pipeliner's dialect: `events` and `options` are JSON.
struct webhook_wish {
  std::string url, events, options;
};

/// Makes accounts as above, each with these webhooks of Pipeliner's dialect instead. Their names.
std::vector<std::string> make_pipeliner_tenants(const node& on, std::size_t count, const std::string& prefix,
                                                const std::vector<webhook_wish>& wishes);

/// Notifications that wait in those accounts.
std::uint64_t pending_in(const node& on, const std::vector<std::string>& accounts);

} // namespace carillon::bench
