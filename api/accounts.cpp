// Accounts: what the operator says of its tenants.
#include "api/account_json.hpp"
#include "api/handlers.hpp"
#include "api/json_body.hpp"
#include "api/query.hpp"
#include "domain/public_id.hpp"
#include "net/task_loop.hpp"


#include <algorithm>
#include <array>

namespace carillon::api {

namespace {

using storage::account_profile;

/// Profiles read from the store at once; between two reads other requests have their turn.
constexpr std::size_t read_at_once = 1'000;

/// The order of a list: what an account's place in it is.
struct list_order {
  std::string_view name; ///< as in `sort`
  bool descending;
  std::string (*position)(const account_profile&);
};

std::string by_id(const account_profile& a) {
  return a.id;
}

std::string by_creation(const account_profile& a) {
  // Fixed width, so that texts compare as numbers do.
  auto ms = std::to_string(std::max<std::int64_t>(a.created.time_since_epoch().count(), 0));
  return std::string(20 - std::min<std::size_t>(ms.size(), 20), '0') + ms + '\0' + a.id;
}

std::string by_name(const account_profile& a) {
  return a.name + '\0' + a.id;
}

constexpr std::array orders{list_order{"id", false, by_id},
                            list_order{"-id", true, by_id},
                            list_order{"created_at", false, by_creation},
                            list_order{"-created_at", true, by_creation},
                            list_order{"name", false, by_name},
                            list_order{"-name", true, by_name}};

const list_order& order_of(const net::http_request& request) {
  const auto wanted = request.query_value("sort").value_or("id");
  const auto it = std::find_if(orders.begin(), orders.end(), [&](const auto& o) { return o.name == wanted; });
  if (it == orders.end())
    throw refusal{"invalid-parameter", "sort must be id, -id, created_at, -created_at, name or -name"};
  return *it;
}

std::optional<storage::account_state> state_of(const net::http_request& request) {
  const auto text = request.query_value("state");
  if (!text)
    return std::nullopt;
  const auto state = storage::parse_account_state(*text);
  if (!state)
    throw refusal{"invalid-parameter", "state must be active, paused or deleting"};
  return state;
}

/// The first accounts of a list behind a place in it, while all of them are looked at in any order.
class first_of_list {
public:
  first_of_list(const list_order& order, std::optional<std::string> start, std::size_t most)
      : order_{order}, start_{std::move(start)}, most_{most} {}

  void look_at(account_profile profile) {
    auto place = order_.position(profile);
    if (start_ && !before(*start_, place))
      return;
    if (kept_.size() == most_ && !before(place, kept_.back().first))
      return;
    const auto at = std::upper_bound(kept_.begin(), kept_.end(), place,
                                     [&](const auto& a, const auto& b) { return before(a, b.first); });
    kept_.emplace(at, std::move(place), std::move(profile));
    if (kept_.size() > most_)
      kept_.pop_back();
  }

  bool full() const { return kept_.size() == most_; }
  const std::vector<std::pair<std::string, account_profile>>& kept() const { return kept_; }

private:
  bool before(const std::string& a, const std::string& b) const { return order_.descending ? b < a : a < b; }

  const list_order& order_;
  std::optional<std::string> start_;
  std::size_t most_;
  std::vector<std::pair<std::string, account_profile>> kept_;
};

const account_profile& require_account(const call& c) {
  if (!c.account)
    throw refusal{"not-found", "there is no such account"};
  return *c.account;
}

net::http_response account_response(const actors::account_reply& reply) {
  auto response = json_response(reply.created ? 201 : 200, render_account(reply.profile));
  if (reply.created)
    response.fields.add("Location", "/v1/accounts/" + reply.profile.id);
  return response;
}

} // namespace

answer put_account(call& c) {
  allow_parameters(c.request, {});
  auto profile = read_account(require_valid(c.request.body), account_id_in::path, *c.node().settings());
  profile.id = c.values.front();
  if (!storage::well_formed_account_name(profile.id))
    throw refusal{"invalid", "an account's id must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"};
  actors::catalog_request what = actors::put_account{std::move(profile), false};
  const auto reply = co_await c.change<actors::account_reply>(what);
  co_return account_response(reply);
}

answer post_account(call& c) {
  allow_parameters(c.request, {});
  auto profile = read_account(require_valid(c.request.body), account_id_in::body, *c.node().settings());
  actors::catalog_request what = actors::put_account{std::move(profile), true};
  const auto reply = co_await c.change<actors::account_reply>(what);
  co_return account_response(reply);
}

answer list_accounts(call& c) {
  allow_parameters(c.request, {"sort", "state", "limit", "after"});
  const auto& order = order_of(c.request);
  const auto state = state_of(c.request);
  const auto limit = page_limit(c.request);
  const auto list = "accounts:" + std::string{order.name};
  const auto start = page_start(c.request, list);
  first_of_list first{order, start, limit + std::size_t{1}};
  const auto catalog = catalog_of(c.node());
  const auto look_at = [&](account_profile profile) {
    if (!state || profile.state == *state)
      first.look_at(std::move(profile));
  };
  // The catalog is in order of ids: a list in that order is done when its page is full.
  const bool in_order = order.name == "id";
  std::string after = in_order ? start.value_or("") : "";
  for (;;) {
    auto some = catalog.list_accounts(after, read_at_once);
    const bool last = some.size() < read_at_once;
    if (!some.empty())
      after = some.back().id;
    for (auto& profile : some)
      look_at(std::move(profile));
    if (last || (in_order && first.full()))
      break;
    co_await net::next_turn{};
  }
  page_writer page;
  const auto& kept = first.kept();
  const auto shown = std::min<std::size_t>(kept.size(), limit);
  for (std::size_t i = 0; i < shown; ++i)
    page.entry() += render_account(kept[i].second);
  co_return json_response(
      200, page.finish(kept.size() > limit ? domain::list_cursor(list, kept[limit - 1].first) : ""));
}

answer get_account(call& c) {
  allow_parameters(c.request, {});
  const auto limit = subscription_limit(*c.account, *c.node().settings());
  if (c.account->state == storage::account_state::deleting)
    co_return json_response(200, render_account(*c.account));
  account::request what = account::get_usage{};
  const auto usage = co_await c.ask<account::usage_reply>(what);
  co_return json_response(200, render_account(*c.account, render_usage(usage, limit)));
}

answer delete_account(call& c) {
  allow_parameters(c.request, {});
  actors::catalog_request what = actors::remove_account{require_account(c).id};
  co_await c.change<account::done_reply>(what);
  // Seen as it is now: the answer tells that the rest goes on.
  auto profile = require_account(c);
  profile.state = storage::account_state::deleting;
  co_return json_response(202, render_account(profile));
}

} // namespace carillon::api
