// The delivery log, and the missed feed.
#include "api/handlers.hpp"
#include "api/notification_json.hpp"
#include "api/query.hpp"
#include "api/subscription_change.hpp"
#include "domain/outcome.hpp"
#include "domain/public_id.hpp"
#include "domain/rfc3339.hpp"

#include <charconv>

namespace carillon::api {

namespace {

constexpr std::uint32_t longest_wait = 30; ///< seconds of a long poll

notification_owner owner_of(const call& c) {
  return {c.node().store().identity().generation, c.account->number};
}

std::optional<domain::wall_time> time_parameter(const call& c, std::string_view name) {
  const auto text = c.request.query_value(name);
  if (!text)
    return std::nullopt;
  const auto time = domain::parse_rfc3339(*text);
  if (!time)
    throw refusal{"invalid-parameter",
                  std::string{name} + " must be an RFC 3339 date-time (write \"+\" as %2B)"};
  return time;
}

std::optional<domain::subscription_id> subscription_parameter(const call& c) {
  const auto text = c.request.query_value("subscription");
  if (!text)
    return std::nullopt;
  const auto id = parse_subscription_id(*text);
  if (!id)
    throw refusal{"invalid-parameter", "subscription must be a subscription's id"};
  return id;
}

std::vector<domain::notification_state> states_of(const call& c) {
  std::vector<domain::notification_state> states;
  for (const auto& text : list_parameter(c.request, "state")) {
    const auto state = domain::parse_notification_state(text);
    if (!state)
      throw refusal{"invalid-parameter",
                    "state must be of pending, claimed, delivered, rejected, failed, unknown, "
                    "expired, cancelled; separated by commas"};
    states.push_back(*state);
  }
  return states;
}

std::optional<std::string> text_parameter(const call& c, std::string_view name) {
  const auto text = c.request.query_value(name);
  return text ? std::optional{std::string{*text}} : std::nullopt;
}

/// A place in the log, as its cursors hold it: what the notification's public id holds.
std::string log_cursor(const notification_owner& owner, std::uint64_t before) {
  return domain::list_cursor("notifications",
                             domain::notification_public_id({owner.generation, owner.account, before}));
}

std::uint64_t log_start(const call& c) {
  const auto position = page_start(c.request, "notifications");
  if (!position)
    return 0;
  const auto place = domain::parse_notification_public_id(*position);
  if (!place || place->account != c.account->number)
    throw refusal{"invalid-parameter", "after must be the \"next\" of a page of this account's log"};
  if (place->generation != c.node().store().identity().generation)
    throw refusal{"cursor-gone", "the store was restored since; begin again without after"};
  return place->number;
}

/// Where a reader of the feed who lost its place begins again: right before the first that is kept.
[[noreturn]] void throw_gone(const notification_owner& owner, std::uint64_t earliest, std::string detail) {
  const domain::numbered before{owner.generation, owner.account, earliest > 0 ? earliest - 1 : 0};
  throw refusal{"cursor-gone", std::move(detail)}.with_member("earliest", domain::feed_cursor(before));
}

} // namespace

answer list_notifications(call& c) {
  allow_parameters(c.request, {"state", "subscription", "record", "event", "from", "to", "after", "limit"});
  account::query_log query;
  query.states = states_of(c);
  query.subscription = subscription_parameter(c);
  query.record = text_parameter(c, "record");
  query.event = text_parameter(c, "event");
  query.from = time_parameter(c, "from");
  query.to = time_parameter(c, "to");
  query.before = log_start(c);
  query.limit = page_limit(c.request);
  account::request what = std::move(query);
  const auto reply = co_await c.ask<account::log_reply>(what);
  const auto owner = owner_of(c);
  page_writer page;
  for (const auto& n : reply.notifications)
    page.entry() += render_notification(n, owner);
  co_return json_response(200, page.finish(reply.next == 0 ? "" : log_cursor(owner, reply.next)));
}

answer get_notification(call& c) {
  allow_parameters(c.request, {});
  const auto owner = owner_of(c);
  const auto id = domain::parse_notification_public_id(c.id());
  if (!id || id->account != owner.account || id->generation != owner.generation)
    throw refusal{"not-found", "there is no such notification"};
  account::request what = account::get_notification{domain::notification_number{id->number}};
  const auto reply = co_await c.ask<account::notification_reply>(what);
  co_return json_response(200, render_notification(reply, owner));
}

answer list_missed(call& c) {
  allow_parameters(c.request, {"after", "subscription", "limit", "wait"});
  account::query_missed query;
  query.subscription = subscription_parameter(c);
  query.limit = page_limit(c.request);
  query.wait = std::chrono::seconds{number_parameter(c.request, "wait", 0, longest_wait, 0)};
  const auto owner = owner_of(c);
  bool lost = false;
  if (const auto after = c.request.query_value("after"); after && *after == "now")
    query.from_end = true;
  else if (after) {
    const auto place = domain::parse_feed_cursor(*after);
    if (!place || place->account != owner.account)
      throw refusal{"invalid-parameter", "after must be \"now\" or the \"next\" of this account's feed"};
    lost = place->generation != owner.generation;
    query.after = place->number;
  }
  if (lost) {
    query = {};
    query.limit = 1;
  }
  const auto timeout = ask_timeout + query.wait;
  account::request what = std::move(query);
  const auto reply = co_await c.ask<account::missed_reply>(what, timeout);
  if (lost)
    throw_gone(owner, reply.earliest,
               "the cursor is from before the store was restored; go on from earliest");
  if (reply.gone)
    throw_gone(owner, reply.earliest, "what follows the cursor is no longer kept; go on from earliest");
  page_writer page;
  for (const auto& n : reply.notifications)
    page.entry() += render_notification(n, owner);
  co_return json_response(200,
                          page.finish(domain::feed_cursor({owner.generation, owner.account, reply.next})));
}

} // namespace carillon::api
