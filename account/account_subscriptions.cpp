// Making, changing and deleting subscriptions.
#include "account/account.hpp"

#include "account/subscription_record.hpp"

#include <algorithm>
#include <set>

namespace carillon::account {

using domain::notification_state;

namespace {
/// Softly deleted subscriptions that an account keeps; the oldest beyond them are gone for good.
constexpr std::size_t max_deleted_subscriptions = 1000;
} // namespace

std::size_t creations(const request& r) {
  if (std::holds_alternative<create_subscription>(r))
    return 1;
  const auto* several = std::get_if<change_subscriptions>(&r);
  if (several == nullptr)
    return 0;
  return static_cast<std::size_t>(
      std::count_if(several->changes.begin(), several->changes.end(),
                    [](const auto& change) { return std::holds_alternative<create_subscription>(change); }));
}

request_error account::too_many_subscriptions() const {
  return {409,
          "subscription-limit",
          "this account has its " + std::to_string(settings_.max_subscriptions) + " subscriptions",
          {},
          0};
}

std::optional<request_error> account::refuses(const create_subscription&, std::uint32_t counted) const {
  if (erased_)
    return account_gone();
  if (counted >= settings_.max_subscriptions)
    return too_many_subscriptions();
  return std::nullopt;
}

std::optional<request_error> account::refuses(const replace_subscription& r, std::uint32_t counted) const {
  const auto* current = subscriptions_.find(r.value.id);
  if (current == nullptr)
    return not_found("there is no such subscription");
  if (current->now.revision != r.value.revision)
    return request_error{409, "conflict", "the subscription was changed meanwhile; read it again", {}, 0};
  if (current->now.pipeliner.deleted && !r.value.pipeliner.deleted && counted >= settings_.max_subscriptions)
    return too_many_subscriptions();
  return std::nullopt;
}

std::variant<subscription_reply, request_error> account::create(const create_subscription& r,
                                                                domain::subscription_id id) {
  if (auto error = refuses(r, subscriptions_.counted()))
    return std::move(*error);
  auto s = r.value;
  s.id = id;
  s.revision = 1;
  s.created = s.modified = s.status_since = context_.at.wall;
  s.status = domain::subscription_status::active;
  const auto record = encode_subscription(s, who_.id, keys_);
  decide(entry::subscription_put{record});
  return subscription_reply{std::move(s)};
}

std::variant<subscription_reply, request_error> account::replace(const replace_subscription& r) {
  if (auto error = refuses(r, subscriptions_.counted()))
    return std::move(*error);
  auto* current = subscriptions_.find(r.value.id);
  auto s = r.value;
  ++s.revision;
  s.modified = context_.at.wall;
  if (!r.sets_status)
    s.status = current->now.status;
  if (s.status != current->now.status) {
    s.status_since = context_.at.wall;
    s.consecutive_failures = 0;
    s.first_failure.reset();
    if (s.status == domain::subscription_status::active)
      s.status_reason.clear();
  } else {
    s.status_since = current->now.status_since;
    s.status_reason = current->now.status_reason;
    s.consecutive_failures = current->now.consecutive_failures;
    s.first_failure = current->now.first_failure;
  }
  const bool deletes = s.pipeliner.deleted && !current->now.pipeliner.deleted;
  if (deletes)
    cancel_pending(current->waiting_numbers(), notification_state::cancelled);
  const auto record = encode_subscription(s, who_.id, keys_);
  decide(entry::subscription_put{record});
  subscription_reply stored{subscriptions_.find(s.id)->now};
  if (deletes)
    forget_oldest_deleted();
  return stored;
}

/// Whoever makes and deletes webhooks without end must not fill the store with them.
void account::forget_oldest_deleted() {
  const domain::subscription* oldest = nullptr;
  std::size_t deleted = 0;
  for (const auto& [id, s] : subscriptions_.all()) {
    if (s->erased || !s->now.pipeliner.deleted)
      continue;
    ++deleted;
    if (oldest == nullptr || *s->now.pipeliner.deleted < *oldest->pipeliner.deleted)
      oldest = &s->now;
  }
  if (deleted > max_deleted_subscriptions)
    decide(entry::subscription_erased{oldest->id});
}

changes_reply account::change(const change_subscriptions& r,
                              const std::vector<domain::subscription_id>& ids) {
  changes_reply out;
  // What would be refused is found before anything is decided.
  auto counted = subscriptions_.counted();
  std::set<std::uint64_t> named;
  bool refused = false;
  for (const auto& one : r.changes) {
    auto error = std::visit([&](const auto& wanted) { return refuses(wanted, counted); }, one);
    if (const auto* replaced = std::get_if<replace_subscription>(&one)) {
      if (!error && !named.insert(raw(replaced->value.id)).second)
        error = request_error{409, "conflict", "the subscription is changed twice by one request", {}, 0};
      if (!error) {
        const bool before = subscriptions_.find(replaced->value.id)->now.pipeliner.deleted.has_value();
        const bool after = replaced->value.pipeliner.deleted.has_value();
        counted = counted + (before ? 1 : 0) - (after ? 1 : 0);
      }
    } else if (!error) {
      ++counted;
    }
    refused = refused || error;
    if (error)
      out.results.emplace_back(std::move(*error));
    else
      out.results.emplace_back(
          subscription_reply{std::visit([](const auto& wanted) { return wanted.value; }, one)});
  }
  if (refused && r.all_or_nothing)
    return out;
  auto id = ids.begin();
  for (std::size_t i = 0; i < r.changes.size(); ++i) {
    if (std::holds_alternative<request_error>(out.results[i]))
      continue;
    if (const auto* made = std::get_if<create_subscription>(&r.changes[i]))
      out.results[i] = std::get<subscription_reply>(create(*made, *id++));
    else
      out.results[i] = std::get<subscription_reply>(replace(std::get<replace_subscription>(r.changes[i])));
  }
  return out;
}

std::variant<done_reply, request_error> account::remove(const delete_subscription& r) {
  auto* s = subscriptions_.find(r.id);
  if (s == nullptr)
    return not_found("there is no such subscription");
  cancel_pending(s->waiting_numbers(), notification_state::cancelled);
  decide(entry::subscription_erased{r.id});
  return done_reply{};
}

} // namespace carillon::account
