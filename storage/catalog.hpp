#pragma once

#include "crypto/hash.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "domain/rate_limit.hpp"
#include "domain/time.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Accounts, keys and tokens: rows of the system shard. Reads show what is committed, from any thread.
/// Changes are planned here as table writes and committed by their one owner as a batch of the system shard;
/// the owner plans the next change only after the commit of the one before, so that counters and checks see
/// it.
namespace carillon::storage {

enum class account_state : std::uint8_t {
  active,
  paused,
  deleting, ///< its keys are dead; what it owns is erased in steps, its profile last
};
std::string_view to_string(account_state state);
std::optional<account_state> parse_account_state(std::string_view text);

/// What an account has of its own instead of the configured defaults; nothing: the default.
struct account_limits {
  std::optional<std::vector<domain::limit_window>> windows; ///< 1..4
  std::optional<std::uint32_t> backlog_records;
  std::optional<std::uint32_t> backlog_seconds;
  std::optional<std::uint32_t> max_subscriptions;
  bool operator==(const account_limits&) const = default;
};

/// One tenant as the operator describes it.
struct account_profile {
  std::string id; ///< the operator's id: `well_formed_account_name`
  domain::account_id number{};
  std::string name; ///< for people
  account_state state = account_state::active;
  account_limits limits;
  std::map<std::string, std::string> labels;
  domain::wall_time created{}, updated{};
  bool operator==(const account_profile&) const = default;
};

/// `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`
bool well_formed_account_name(std::string_view text) noexcept;

enum class credential_kind : std::uint8_t {
  token, ///< the operator's, for any number of accounts
  key,   ///< of one account
};

enum class credential_scope : std::uint8_t { admin, account, read, ingest, metrics };
std::string_view to_string(credential_scope scope);
std::optional<credential_scope> parse_credential_scope(std::string_view text);

/// A token or key without its secret, which nobody keeps.
struct credential {
  credential_kind kind = credential_kind::token;
  std::string id;   ///< public, unique per account (keys) or store (tokens); 1..64 bytes
  std::string name; ///< for people
  std::optional<std::string> email;
  std::vector<credential_scope> scopes;
  domain::account_id account{};      ///< of a key; 0 for a token
  std::vector<std::string> accounts; ///< a token's: names, or "*"
  std::optional<domain::wall_time> expires_at, last_used;
  domain::wall_time created{};
  crypto::digest256 hash{}; ///< SHA-256 of the secret: how it is found
  bool operator==(const credential&) const = default;
};

/// Whether a text may be imported as a secret that tenants already use: 32..512 visible ASCII characters.
bool importable_secret(std::string_view text) noexcept;

/// The committed catalog. All throw store_error naming the row when it is damaged.
class catalog {
public:
  explicit catalog(const store& s);

  std::optional<account_profile> find_account(std::string_view name) const;
  std::optional<account_profile> find_account(domain::account_id number) const;
  /// Up to `limit` accounts by name, after that name (empty: from the first).
  std::vector<account_profile> list_accounts(std::string_view after, std::size_t limit) const;

  /// By the SHA-256 of the secret. Expired ones too: whoever asks knows the time.
  std::optional<credential> find_credential(const crypto::digest256& hash) const;
  /// By the public id; `account` 0 for tokens.
  std::optional<credential> find_credential(domain::account_id account, std::string_view id) const;
  /// By id, after that id.
  std::vector<credential> list_keys(domain::account_id account, std::string_view after,
                                    std::size_t limit) const;
  std::vector<credential> list_tokens(std::string_view after, std::size_t limit) const;

  /// The last number that was given out under that name; 0: none yet.
  std::uint64_t counter(std::string_view name) const;

  /// Gives the profile a number of its name's shard that no account of this store ever had, and plans its
  /// rows.
  std::vector<domain::table_write> plan_create_account(account_profile& profile) const;
  /// Erases up to `limit` keys of an account; empty when none are left.
  std::vector<domain::table_write> plan_delete_keys(domain::account_id account, std::size_t limit) const;

private:
  std::vector<credential> list_credentials(domain::account_id account, std::string_view after,
                                           std::size_t limit) const;
  const store& store_;
};

/// Changes an account that has its number.
std::vector<domain::table_write> plan_put_account(const account_profile& profile);
/// Erases the profile: the last step of a deletion. The number stays spent.
std::vector<domain::table_write> plan_delete_account(const account_profile& profile);
/// Adds or changes; a changed secret needs a `plan_delete_credential` of the old before it in the same batch.
std::vector<domain::table_write> plan_put_credential(const credential& c);
std::vector<domain::table_write> plan_delete_credential(const credential& c);
/// Records that all numbers up to `value` are given out.
domain::table_write plan_counter(std::string_view name, std::uint64_t value);

/// The counter behind account numbers: number = counter × shards + shard.
inline constexpr std::string_view account_counter = "account";

} // namespace carillon::storage
