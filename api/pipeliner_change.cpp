#include "api/pipeliner_change.hpp"

#include "api/account_json.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>

namespace carillon::api {

namespace {

using domain::pipeliner_failure;
using domain::subscription;

/// Reads and writes again after that many changes by others; then the caller hears of the conflict.
constexpr int most_attempts = 8;

pipeliner_failure failure_of(const call& c, const account::request_error& error, std::string_view uuid) {
  if (error.slug == "subscription-limit") {
    auto failure = domain::pipeliner_limit_failure(subscription_limit(*c.account, *c.node().settings()));
    failure.entity_id = uuid;
    return failure;
  }
  pipeliner_failure failure;
  failure.status = static_cast<unsigned>(error.status);
  failure.code = domain::pipeliner_code_of(failure.status);
  failure.message = error.detail;
  return failure;
}

using planned = std::variant<account::create_subscription, account::replace_subscription>;

/// What the account is to be asked for.
std::variant<planned, pipeliner_failure> plan(const webhook_change& wanted,
                                              const std::vector<subscription>& now) {
  if (wanted.uuid.empty()) {
    account::create_subscription made;
    made.value.speaks = domain::dialect::pipeliner;
    if (auto failure = wanted.apply(made.value))
      return std::move(*failure);
    return planned{std::move(made)};
  }
  const auto found =
      std::find_if(now.begin(), now.end(), [&](const auto& s) { return s.pipeliner.uuid == wanted.uuid; });
  if (found == now.end() || (found->pipeliner.deleted && !wanted.deleted_too))
    return no_such_webhook(wanted.uuid);
  account::replace_subscription changed;
  changed.value = *found;
  if (auto failure = wanted.apply(changed.value))
    return std::move(*failure);
  return planned{std::move(changed)};
}

bool is_failure(const webhook_result& r) {
  return std::holds_alternative<pipeliner_failure>(r);
}

/// A webhook named twice by one batch: the second is refused.
void refuse_repeats(const std::vector<webhook_change>& wanted, std::vector<webhook_result>& results) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto before =
        std::find_if(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const auto& w) { return !w.uuid.empty() && w.uuid == wanted[i].uuid; });
    if (before == wanted.begin() + static_cast<std::ptrdiff_t>(i))
      continue;
    pipeliner_failure failure;
    failure.status = 400;
    failure.code = domain::parameter_invalid;
    failure.message = "the batch names " + wanted[i].uuid + " twice";
    results[i] = std::move(failure);
  }
}

} // namespace

domain::pipeliner_failure no_such_webhook(std::string_view uuid) {
  pipeliner_failure failure;
  failure.status = 404;
  failure.code = domain::pipeliner_code_of(404);
  failure.message = "there is no webhook " + std::string{uuid.substr(0, 64)};
  return failure;
}

net::task<std::vector<subscription>> read_webhooks(call& c) {
  account::request what = account::list_subscriptions{};
  auto reply = co_await c.ask<account::subscriptions_reply>(what);
  std::erase_if(reply.subscriptions, [](const auto& s) { return s.speaks != domain::dialect::pipeliner; });
  co_return std::move(reply.subscriptions);
}

net::task<std::vector<webhook_result>>
change_webhooks(call& c, const std::vector<webhook_change>& wanted, bool all_or_nothing) {
  std::vector<webhook_result> results(wanted.size());
  refuse_repeats(wanted, results);
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!is_failure(results[i]))
      open.push_back(i);
  for (int attempt = 1; !open.empty(); ++attempt) {
    const auto now = co_await read_webhooks(c);
    account::change_subscriptions changes;
    changes.all_or_nothing = all_or_nothing;
    std::vector<std::size_t> sent;
    for (const auto i : open) {
      auto what = plan(wanted[i], now);
      if (auto* failure = std::get_if<pipeliner_failure>(&what)) {
        results[i] = std::move(*failure);
        continue;
      }
      changes.changes.push_back(std::move(std::get<planned>(what)));
      sent.push_back(i);
    }
    const bool failed = std::any_of(results.begin(), results.end(), is_failure);
    if (sent.empty() || (failed && all_or_nothing))
      break;
    account::request what = std::move(changes);
    auto reply = co_await c.ask<account::changes_reply>(what);
    open.clear();
    bool refused = false;
    for (std::size_t k = 0; k < sent.size(); ++k) {
      auto* error = std::get_if<account::request_error>(&reply.results[k]);
      if (error == nullptr) {
        results[sent[k]] = std::move(std::get<account::subscription_reply>(reply.results[k]).value);
      } else if (error->slug == "conflict" && attempt < most_attempts) {
        open.push_back(sent[k]);
      } else {
        results[sent[k]] = failure_of(c, *error, wanted[sent[k]].uuid);
        refused = true;
      }
    }
    if (all_or_nothing && refused)
      break;
    if (all_or_nothing && !open.empty())
      open = std::move(sent);
  }
  co_return results;
}

} // namespace carillon::api
