#include "api/subscription_change.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace carillon::api {

namespace {

using domain::subscription;

/// Reads and writes again after that many changes by others; then the caller hears of the conflict.
constexpr int most_attempts = 8;

} // namespace

std::optional<domain::subscription_id> parse_subscription_id(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size() || text.front() == '0')
    return std::nullopt;
  return domain::subscription_id{number};
}

net::task<std::vector<subscription>> read_subscriptions(call& c) {
  account::request what = account::list_subscriptions{};
  auto reply = co_await c.ask<account::subscriptions_reply>(what);
  std::erase_if(reply.subscriptions, [](const auto& s) { return s.pipeliner.deleted.has_value(); });
  co_return std::move(reply.subscriptions);
}

net::task<subscription> read_subscription(call& c, domain::subscription_id id) {
  auto all = co_await read_subscriptions(c);
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.id == id; });
  if (it == all.end())
    throw refusal{"not-found", "there is no such subscription"};
  co_return std::move(*it);
}

net::task<subscription> change_subscription(call& c, domain::subscription_id id,
                                                         const subscription_change& change) {
  for (int attempt = 1;; ++attempt) {
    account::replace_subscription wanted;
    wanted.value = co_await read_subscription(c, id);
    const auto [revision, status] = std::pair{wanted.value.revision, wanted.value.status};
    change(wanted.value);
    wanted.value.revision = revision;
    wanted.sets_status = wanted.value.status != status;
    account::request what = std::move(wanted);
    auto reply = co_await ask(c.node(), c.account->number, what, 0);
    if (auto* done = std::get_if<account::subscription_reply>(&reply))
      co_return std::move(done->value);
    auto& error = std::get<account::request_error>(reply);
    if (error.slug != "conflict" || attempt == most_attempts)
      throw refusal{std::move(error)};
  }
}

} // namespace carillon::api
