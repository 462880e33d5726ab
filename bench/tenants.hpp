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

/// Notifications that wait in those accounts.
std::uint64_t pending_in(const node& on, const std::vector<std::string>& accounts);

} // namespace carillon::bench
