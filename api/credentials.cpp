// Keys of accounts, and tokens.
#include "api/handlers.hpp"
#include "api/json_body.hpp"
#include "api/query.hpp"
#include "domain/json_write.hpp"
#include "domain/public_id.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

using storage::credential;

constexpr std::size_t longest_name = 200;  ///< bytes
constexpr std::size_t longest_email = 254; ///< RFC 5321's longest path, without its brackets
constexpr std::size_t most_token_accounts = 1'000;

const storage::account_profile& require_account(const call& c) {
  if (!c.account || c.account->state == storage::account_state::deleting)
    throw refusal{"not-found", "there is no such account"};
  return *c.account;
}

std::optional<domain::wall_time> read_expiry(object_body& body) {
  const auto expiry = body.time("expires_at");
  if (expiry && *expiry <= domain::wall_now())
    body.fault("expires_at", "must lie in the future");
  return expiry;
}

void write_time(domain::object_writer& object, std::string_view name,
                const std::optional<domain::wall_time>& t) {
  if (t)
    object.text(name, domain::format_rfc3339(*t));
  else
    object.null(name);
}

/// A key's or token's object. `secret` is shown when it isn't empty: once, to whoever made it.
std::string render(const call& c, const credential& value, std::string_view secret) {
  const bool key = value.kind == storage::credential_kind::key;
  std::string out;
  domain::object_writer object{out};
  object.text("id", value.id);
  if (!secret.empty())
    object.text(key ? "secret" : "token", secret);
  object.text("name", value.name);
  std::vector<std::string> scopes;
  for (const auto scope : value.scopes)
    scopes.emplace_back(to_string(scope));
  if (key) {
    if (value.email)
      object.text("email", *value.email);
    else
      object.null("email");
    object.text("scope", scopes.empty() ? "" : scopes.front());
  } else
    object.texts("scopes", scopes).texts("accounts", value.accounts);
  object.text("created_at", domain::format_rfc3339(value.created));
  write_time(object, "expires_at", value.expires_at);
  const auto used = c.around.credentials.last_used(value.hash);
  write_time(object, "last_used_at", used ? used : value.last_used);
  object.close();
  return out;
}

net::http_response render_page(const call& c, std::string_view list, std::vector<credential> found,
                               std::size_t limit) {
  page_writer page;
  for (std::size_t i = 0; i < std::min(found.size(), limit); ++i)
    page.entry() += render(c, found[i], {});
  return json_response(
      200, page.finish(found.size() > limit ? domain::list_cursor(list, found[limit - 1].id) : ""));
}

net::http_response created(const call& c, const actors::credential_reply& made) {
  auto response = json_response(201, render(c, made.value, made.secret));
  // Shown once, and nobody on the way may keep it.
  response.fields.add("Cache-Control", "no-store");
  return response;
}

} // namespace

answer post_key(call& c) {
  allow_parameters(c.request, {});
  object_body::faults errors;
  object_body body{require_valid(c.request.body), "#", errors};
  actors::add_key key;
  key.account = require_account(c).id;
  body.require("name");
  key.name = body.text("name", 1, longest_name).value_or("");
  key.email = body.text("email", 3, longest_email);
  body.require("scope");
  key.scope = body.word("scope", {"account", "read"}).value_or("") == "read"
                  ? storage::credential_scope::read
                  : storage::credential_scope::account;
  key.expires_at = read_expiry(body);
  key.secret = body.text("secret", 32, 512);
  if (key.secret && !storage::importable_secret(*key.secret))
    body.fault("secret", "must be 32 to 512 visible ASCII characters");
  body.finish();
  throw_faults(errors, "the key");
  actors::catalog_request what = std::move(key);
  const auto made = co_await c.change<actors::credential_reply>(what);
  co_return created(c, made);
}

answer list_keys(call& c) {
  allow_parameters(c.request, {"limit", "after"});
  const auto limit = page_limit(c.request);
  const auto start = page_start(c.request, "keys").value_or("");
  auto found = catalog_of(c.node()).list_keys(require_account(c).number, start, limit + std::size_t{1});
  co_return render_page(c, "keys", std::move(found), limit);
}

answer delete_key(call& c) {
  allow_parameters(c.request, {});
  actors::catalog_request what = actors::remove_key{require_account(c).id, c.id()};
  co_await c.change<account::done_reply>(what);
  co_return no_content();
}

answer post_token(call& c) {
  allow_parameters(c.request, {});
  object_body::faults errors;
  object_body body{require_valid(c.request.body), "#", errors};
  actors::add_token token;
  body.require("name");
  token.name = body.text("name", 1, longest_name).value_or("");
  body.require("scopes");
  for (const auto& name : body.texts("scopes", 1, 5, 16).value_or(std::vector<std::string>{})) {
    if (const auto scope = storage::parse_credential_scope(name))
      token.scopes.push_back(*scope);
    else
      body.fault("scopes", "must be of admin, account, read, ingest, metrics");
  }
  token.accounts = body.texts("accounts", 0, most_token_accounts, 64).value_or(std::vector<std::string>{});
  for (const auto& name : token.accounts)
    if (name != "*" && !storage::well_formed_account_name(name))
      body.fault("accounts", "must be ids of accounts, or \"*\"");
  const auto needs_accounts = [](auto scope) {
    using enum storage::credential_scope;
    return scope == account || scope == read || scope == ingest;
  };
  if (token.accounts.empty() && std::any_of(token.scopes.begin(), token.scopes.end(), needs_accounts))
    body.fault("accounts", "must name the accounts that the scopes hold for, or \"*\"");
  token.expires_at = read_expiry(body);
  body.finish();
  throw_faults(errors, "the token");
  actors::catalog_request what = std::move(token);
  const auto made = co_await c.change<actors::credential_reply>(what);
  co_return created(c, made);
}

answer list_tokens(call& c) {
  allow_parameters(c.request, {"limit", "after"});
  const auto limit = page_limit(c.request);
  const auto start = page_start(c.request, "tokens").value_or("");
  auto found = catalog_of(c.node()).list_tokens(start, limit + std::size_t{1});
  co_return render_page(c, "tokens", std::move(found), limit);
}

answer delete_token(call& c) {
  allow_parameters(c.request, {});
  actors::catalog_request what = actors::remove_token{c.id()};
  co_await c.change<account::done_reply>(what);
  co_return no_content();
}

} // namespace carillon::api
