// Ingestion: what the SaaS posts, and what it would cause.
#include "api/handlers.hpp"
#include "api/json_body.hpp"
#include "api/query.hpp"
#include "config/fault_points.hpp"
#include "domain/json_write.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

/// How long a request may wait for its commit.
constexpr std::chrono::milliseconds commit_timeout{30'000};

domain::event_limits limits_of(const call& c) {
  const auto settings = c.node().settings();
  return {settings->ingest.max_events, settings->ingest.max_records};
}

/// The values of Webhook-Skip-Key, separated by commas or sent as several fields.
std::vector<std::string> skip_keys_of(const net::http_request& request) {
  std::vector<std::string> keys;
  const auto refuse = [](std::string why) { throw refusal{"invalid", "Webhook-Skip-Key " + why}; };
  for (const auto& [name, value] : request.fields) {
    if (!net::same_field_name(name, "Webhook-Skip-Key"))
      continue;
    for (std::string_view rest{value};;) {
      const auto comma = rest.find(',');
      auto key = rest.substr(0, comma);
      while (!key.empty() && (key.front() == ' ' || key.front() == '\t'))
        key.remove_prefix(1);
      while (!key.empty() && (key.back() == ' ' || key.back() == '\t'))
        key.remove_suffix(1);
      if (key.size() > domain::max_skip_key)
        refuse("holds a key of more than " + std::to_string(domain::max_skip_key) + " bytes");
      if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end())
        keys.emplace_back(key);
      if (keys.size() > domain::max_skip_keys)
        refuse("holds more than " + std::to_string(domain::max_skip_keys) + " keys");
      if (comma == std::string_view::npos)
        break;
      rest.remove_prefix(comma + 1);
    }
  }
  return keys;
}

refusal refused_events(domain::parse_error error) {
  using enum domain::parse_error::kind;
  const auto slug = error.what == malformed ? "malformed"
                    : error.what == meaning ? "invalid"
                                            : "too-many-events";
  return {slug, std::move(error.detail), std::move(error.errors)};
}

std::string render(const account::submit_reply& reply) {
  constexpr std::size_t about_an_event = 96;
  std::string out;
  out.reserve((reply.events.size() + 1) * about_an_event);
  domain::object_writer object{out};
  object.number("accepted", reply.accepted).number("duplicates", reply.duplicates);
  object.number("notifications", reply.notifications);
  auto& events = object.open("events");
  events += '[';
  for (const auto& one : reply.events) {
    if (&one != &reply.events.front())
      events += ',';
    domain::object_writer{events}
        .text("id", one.id)
        .boolean("duplicate", one.duplicate)
        .number("notifications", one.notifications)
        .close();
  }
  events += ']';
  object.close();
  return out;
}

std::string render(const account::explain_reply& reply) {
  std::string out;
  domain::object_writer object{out};
  auto& list = object.open("subscriptions");
  list += '[';
  for (const auto& one : reply.subscriptions) {
    if (&one != &reply.subscriptions.front())
      list += ',';
    const bool matched =
        one.reason == domain::match_reason::matched || one.reason == domain::match_reason::held;
    domain::object_writer entry{list};
    entry.text("subscription", std::to_string(raw(one.subscription))).text("dialect", to_string(one.speaks));
    entry.boolean("matched", matched).text("reason", to_string(one.reason));
    if (one.path.empty())
      entry.null("path");
    else
      entry.text("path", one.path);
    entry.raw("body", one.body.empty() ? std::string_view{"null"} : std::string_view{one.body});
    entry.close();
  }
  list += ']';
  object.close();
  return out;
}

/// The request's events, counted as refused when they can't be read.
domain::parsed_events parse(call& c) {
  domain::parse_error error;
  auto parsed = domain::parse_events(c.request.body, limits_of(c), error);
  if (!parsed) {
    c.node().counts().events("refused", 1);
    throw refused_events(std::move(error));
  }
  return std::move(*parsed);
}

} // namespace

answer post_events(call& c) {
  allow_parameters(c.request, {});
  const auto cost = c.request.body.size();
  account::submit_events submitted;
  submitted.skip_keys = skip_keys_of(c.request);
  submitted.events = parse(c).events;
  if (!c.node().clustered())
    std::string{}.swap(c.request.body); // else it may be asked of another node
  const auto count = submitted.events.size();
  config::fault_point("event-received");
  account::request what = std::move(submitted);
  auto reply = co_await ask(c.node(), c.account->number, what, cost, commit_timeout);
  if (auto* error = std::get_if<account::request_error>(&reply)) {
    if (!error->moved)
      c.node().counts().events("refused", count);
    throw refusal{std::move(*error)};
  }
  const auto& done = std::get<account::submit_reply>(reply);
  c.node().counts().events("accepted", done.accepted);
  c.node().counts().events("duplicate", done.duplicates);
  config::fault_point("before-202");
  co_return json_response(202, render(done));
}

answer explain_event(call& c) {
  allow_parameters(c.request, {});
  account::explain_event asked;
  asked.skip_keys = skip_keys_of(c.request);
  domain::parse_error error;
  auto parsed = domain::parse_events(c.request.body, limits_of(c), error);
  if (!parsed)
    throw refused_events(std::move(error));
  if (parsed->was_array)
    throw refusal{
        "invalid", "one event is explained at a time: send an object", {{"#", "must be an object"}}};
  asked.event = parsed->events.front();
  account::request what = std::move(asked);
  const auto reply = co_await c.ask<account::explain_reply>(what);
  co_return json_response(200, render(reply));
}

} // namespace carillon::api
