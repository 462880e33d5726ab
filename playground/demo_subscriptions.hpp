#pragma once

#include "playground/demo_account.hpp"
#include "playground/demo_client.hpp"

#include <map>
#include <string>
#include <string_view>

namespace carillon::playground {

/// The demo's receiver that writes what it hears of back into the CRM: its name, and the key that it does so
/// with.
inline constexpr std::string_view sync_name = "two-way-sync";

/// How many records the demo's importer takes at once, and how many seconds apart.
inline constexpr std::size_t importer_chunk = 40;
inline constexpr std::size_t importer_delay = 2;

/// From which amount on the demo's subscription for deals wants them.
inline constexpr std::size_t big_deal = 10'000;

/// Registers the demo's subscriptions, each in its dialect's API, but for those that an earlier start left:
/// they follow an inbox that moved, and those that Carillon suspended begin anew. Throws std::runtime_error
/// saying what the node refused.
void set_up_subscriptions(demo_client& client, const demo_access& access, const demo_inbox& inbox);

/// The account's subscriptions by number: the last part of their target's path, by which lines call them.
std::map<std::string, std::string> subscription_names(demo_client& client, const demo_access& access);

} // namespace carillon::playground
