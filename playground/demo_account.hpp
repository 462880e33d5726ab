#pragma once

#include "playground/demo_client.hpp"
#include "playground/demo_folder.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::playground {

/// The demo account's limit, small enough that a person sees it met: so many POSTs in any so many seconds.
inline constexpr std::size_t demo_limit_count = 30;
inline constexpr std::size_t demo_limit_seconds = 10;

/// The account's id in the API.
inline constexpr std::string_view demo_account_id = "demo";

/// Where the demo's subscriptions point: under which addresses an inbox was and is reached.
struct demo_inbox {
  std::string url;        ///< now
  std::string former_url; ///< at the last start; empty or the same when nothing moved
  std::string authority;  ///< the PEM file that clients must trust
};

/// What is needed to use the demo account.
struct demo_access {
  std::string url; ///< the node's
  std::string admin_token;
  std::string ingest_token; ///< posts events
  std::string account_key_id;
  std::string account_key; ///< its secret: for the tenants' APIs, the log and the missed feed
  std::string signing_secret;
  std::string pipeliner_signature;

  demo_headers as_admin() const;
  demo_headers as_saas() const;      ///< the product that posts events
  demo_headers as_account() const;   ///< its tenant, in the native API
  demo_headers as_copper() const;    ///< its tenant, as Copper's clients do
  demo_headers as_pipeliner() const; ///< and as Pipeliner's do
};

/// Makes the account, its key, the token and its subscriptions through the public API, or takes those that an
/// earlier start left; see `set_up_subscriptions`. Throws std::runtime_error saying what the node refused.
demo_access set_up_demo_account(demo_client& client, const demo_folder& folder, const std::string& url,
                                const std::string& admin_token, const demo_inbox& inbox);

/// Writes what a shell needs for the examples: `. FOLDER/env`.
void write_environment(const demo_folder& folder, const demo_access& access, const demo_inbox& inbox);

/// The commands with which a person posts an event and registers a subscription, ready to paste after the
/// environment's file was read.
std::string example_commands(const demo_folder& folder, const demo_inbox& inbox);

} // namespace carillon::playground
