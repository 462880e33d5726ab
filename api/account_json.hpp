#pragma once

#include "account/requests.hpp"
#include "config/settings.hpp"
#include "storage/catalog.hpp"

#include <string>
#include <string_view>

/// What accounts look like in the native API.
namespace carillon::api {

/// Reads the description of an account from a body that passed the gate: all but its id, which POST has in
/// its body (and `profile.id` then is) and PUT in its path. Throws `refusal` 422.
enum class account_id_in : bool { path, body };
storage::account_profile read_account(std::string_view body, account_id_in where,
                                      const config::settings& settings);

/// The account's object; `usage` (JSON, or empty) becomes a member of it.
std::string render_account(const storage::account_profile& profile, std::string_view usage = {});

/// Windows, pending, in flight; `subscriptions_limit` is the account's own or the default.
std::string render_usage(const account::usage_reply& usage, std::uint32_t subscriptions_limit);

/// How many subscriptions the account may have.
std::uint32_t subscription_limit(const storage::account_profile& profile, const config::settings& settings);

} // namespace carillon::api
