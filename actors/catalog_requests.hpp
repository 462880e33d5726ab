#pragma once

#include "account/requests.hpp"
#include "crypto/hash.hpp"
#include "domain/time.hpp"
#include "storage/catalog.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Changes of the catalog (accounts, keys, tokens), each with its reply. Reads need no actor:
/// `storage::catalog` shows what is committed to any thread.
namespace carillon::actors {

/// Creates the account or replaces what its operator says of it; `number`, `created` and `updated` are the
/// node's.
struct put_account {
  storage::account_profile profile;
  bool create_only = false; ///< an existing one is a 409 `account-exists`
};
struct account_reply {
  storage::account_profile profile;
  bool created = false;
};

/// Its keys die at once, what is pending is cancelled, the data goes in steps.
struct remove_account {
  std::string id;
};

/// A key of an account. With `secret`, one that tenants already use is imported (409 `secret-exists` when
/// some other credential has it); else one is made.
struct add_key {
  std::string account;
  std::string name;
  std::optional<std::string> email;
  storage::credential_scope scope{};
  std::optional<domain::wall_time> expires_at;
  std::optional<std::string> secret;
};
struct remove_key {
  std::string account;
  std::string id;
};

struct add_token {
  std::string name;
  std::vector<storage::credential_scope> scopes;
  std::vector<std::string> accounts; ///< names, or "*"
  std::optional<domain::wall_time> expires_at;
};
struct remove_token {
  std::string id;
};
struct credential_reply {
  storage::credential value;
  std::string secret; ///< shown this once; for an imported one, what was given
};

/// When credentials were last used; written now and then.
struct note_used {
  std::vector<std::pair<crypto::digest256, domain::wall_time>> used;
};

using catalog_request =
    std::variant<put_account, remove_account, add_key, remove_key, add_token, remove_token, note_used>;
using catalog_reply =
    std::variant<account::request_error, account_reply, credential_reply, account::done_reply>;

} // namespace carillon::actors
