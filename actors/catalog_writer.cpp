#include "actors/catalog_writer.hpp"

#include "crypto/random.hpp"
#include "crypto/token.hpp"

#include <utility>

namespace carillon::actors {

namespace {

using account::request_error;

catalog_plan refuse(int status, std::string slug, std::string detail) {
  return {{}, request_error{status, std::move(slug), std::move(detail), {}, 0}};
}

struct planner {
  const storage::store& store;
  const storage::catalog catalog;
  domain::wall_time now;

  catalog_plan no_account(const std::string& id) const {
    return refuse(404, "not-found", "there is no account \"" + id + "\"");
  }

  catalog_plan operator()(const put_account& r) const {
    auto profile = r.profile;
    const auto existing = catalog.find_account(profile.id);
    if (existing && r.create_only)
      return refuse(409, "account-exists", "account \"" + profile.id + "\" exists already");
    if (existing && existing->state == storage::account_state::deleting)
      return refuse(409, "account-deleting",
                    "account \"" + profile.id + "\" is being deleted; wait until it is gone");
    profile.updated = now;
    if (existing) {
      profile.number = existing->number;
      profile.created = existing->created;
      return {storage::plan_put_account(profile), account_reply{profile, false}};
    }
    profile.created = now;
    auto writes = catalog.plan_create_account(profile);
    return {std::move(writes), account_reply{profile, true}};
  }

  catalog_plan operator()(const remove_account& r) const {
    auto existing = catalog.find_account(r.id);
    if (!existing)
      return no_account(r.id);
    if (existing->state == storage::account_state::deleting)
      return {{}, account::done_reply{}};
    existing->state = storage::account_state::deleting;
    existing->updated = now;
    return {storage::plan_put_account(*existing), account::done_reply{}};
  }

  catalog_plan operator()(const add_key& r) const {
    const auto existing = catalog.find_account(r.account);
    if (!existing || existing->state == storage::account_state::deleting)
      return no_account(r.account);
    storage::credential c;
    c.kind = storage::credential_kind::key;
    c.id = crypto::uuid_v4();
    c.name = r.name;
    c.email = r.email;
    c.scopes = {r.scope};
    c.account = existing->number;
    c.expires_at = r.expires_at;
    return issue(std::move(c), r.secret ? *r.secret : crypto::make_token("cak"));
  }

  catalog_plan operator()(const add_token& r) const {
    storage::credential c;
    c.kind = storage::credential_kind::token;
    c.id = crypto::uuid_v4();
    c.name = r.name;
    c.scopes = r.scopes;
    c.accounts = r.accounts;
    c.expires_at = r.expires_at;
    return issue(std::move(c), crypto::make_token("cat"));
  }

  catalog_plan issue(storage::credential c, std::string secret) const {
    c.created = now;
    c.hash = crypto::sha256(secret);
    if (catalog.find_credential(c.hash))
      return refuse(409, "secret-exists", "another key has this secret");
    auto writes = storage::plan_put_credential(c);
    return {std::move(writes), credential_reply{std::move(c), std::move(secret)}};
  }

  catalog_plan operator()(const remove_key& r) const {
    const auto existing = catalog.find_account(r.account);
    if (!existing)
      return no_account(r.account);
    const auto c = catalog.find_credential(existing->number, r.id);
    if (!c)
      return refuse(404, "not-found", "account \"" + r.account + "\" has no key \"" + r.id + "\"");
    return {storage::plan_delete_credential(*c), account::done_reply{}};
  }

  catalog_plan operator()(const remove_token& r) const {
    const auto c = catalog.find_credential(domain::account_id{0}, r.id);
    if (!c)
      return refuse(404, "not-found", "there is no token \"" + r.id + "\"");
    return {storage::plan_delete_credential(*c), account::done_reply{}};
  }

  catalog_plan operator()(const note_used& r) const {
    catalog_plan plan{{}, account::done_reply{}};
    for (const auto& [hash, when] : r.used)
      if (auto c = catalog.find_credential(hash)) {
        c->last_used = when;
        auto writes = storage::plan_put_credential(*c);
        plan.writes.insert(plan.writes.end(), std::make_move_iterator(writes.begin()),
                           std::make_move_iterator(writes.end()));
      }
    return plan;
  }
};

} // namespace

catalog_plan plan_change(const storage::store& store, const catalog_request& request, domain::wall_time now) {
  return std::visit(planner{store, storage::catalog{store}, now}, request);
}

} // namespace carillon::actors
