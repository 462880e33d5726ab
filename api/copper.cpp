#include "api/copper.hpp"

#include "api/account_json.hpp"
#include "api/subscription_change.hpp"
#include "domain/dialects/copper.hpp"
#include "domain/json_write.hpp"
#include "net/header_rules.hpp"
#include "net/target.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

using domain::subscription;
using answer = net::task<net::http_response>;

constexpr std::string_view root = "/developer_api";

refusal not_found() {
  return {"not-found", std::string{domain::copper_not_found}};
}

refusal failed(domain::copper_failure failure) {
  return refusal{account::request_error{static_cast<int>(failure.status),
                                        failure.status == 400 ? "malformed" : "invalid",
                                        std::move(failure.message),
                                        {},
                                        0}};
}

/// What is refused here for being one too many is, in Copper's words, a validation error.
refusal in_coppers_words(const call& c, const refusal& why) {
  if (why.error().slug != "subscription-limit")
    return why;
  return {"invalid", domain::copper_limit_message(subscription_limit(*c.account, *c.node().settings()))};
}

domain::copper_checks checks_of(const call& c) {
  return {[policy = c.node().egress()](std::string_view url) -> std::optional<std::string> {
            auto result = net::parse_target(url, *policy);
            return result ? std::nullopt : std::optional{std::move(result.error)};
          },
          net::check_custom_header};
}

domain::subscription_id id_of(const call& c) {
  const auto id = parse_subscription_id(c.id());
  if (!id)
    throw not_found();
  return *id;
}

void require_copper(const subscription& s) {
  if (s.speaks != domain::dialect::copper)
    throw not_found();
}

} // namespace

bool is_copper_path(std::string_view path) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

net::http_response copper_refusal(const refusal& why) {
  const auto& error = why.error();
  // Native texts don't name what Copper's do.
  const bool unknown = error.status == 404;
  net::http_response response;
  response.status = error.status;
  response.fields = why.fields();
  if (const auto seconds = retry_after(error); seconds > 0)
    response.fields.add("Retry-After", std::to_string(seconds));
  response.body =
      domain::render_copper_error(static_cast<unsigned>(error.status),
                                  unknown ? domain::copper_not_found : std::string_view{error.detail});
  return response;
}

answer copper_list(call& c) {
  const auto all = co_await read_subscriptions(c);
  std::vector<const subscription*> shown;
  for (const auto& s : all)
    if (s.speaks == domain::dialect::copper)
      shown.push_back(&s);
  co_return json_response(200, domain::render_copper_list(shown));
}

answer copper_get(call& c) {
  const auto found = co_await read_subscription(c, id_of(c));
  require_copper(found);
  co_return json_response(200, domain::render_copper_subscription(found));
}

answer copper_create(call& c) {
  account::create_subscription wanted;
  wanted.value.speaks = domain::dialect::copper;
  if (auto failure = domain::apply_copper_request(c.request.body, domain::copper_call::create, checks_of(c),
                                                  wanted.value))
    throw failed(std::move(*failure));
  account::request what = std::move(wanted);
  std::optional<account::subscription_reply> made;
  std::optional<refusal> no;
  try {
    made = co_await c.ask<account::subscription_reply>(what);
  } catch (const refusal& why) {
    no = in_coppers_words(c, why);
  }
  if (no)
    throw *no;
  co_return json_response(200, domain::render_copper_subscription(made->value));
}

answer copper_update(call& c) {
  const subscription_change change = [&](subscription& s) {
    require_copper(s);
    if (auto failure =
            domain::apply_copper_request(c.request.body, domain::copper_call::update, checks_of(c), s))
      throw failed(std::move(*failure));
  };
  const auto changed = co_await change_subscription(c, id_of(c), change);
  co_return json_response(200, domain::render_copper_subscription(changed));
}

answer copper_delete(call& c) {
  const auto id = id_of(c);
  const auto found = co_await read_subscription(c, id);
  require_copper(found);
  account::request what = account::delete_subscription{id};
  co_await c.ask<account::done_reply>(what);
  co_return json_response(200, domain::render_copper_deleted(id));
}

answer copper_user(call& c) {
  const auto& key = c.who->credential;
  std::string out;
  domain::object_writer object{out};
  object.number("id", raw(c.account->number)).text("name", key.name);
  object.text("email", key.email ? std::string_view{*key.email}
                                 : c.request.fields.find("X-PW-UserEmail").value_or(""));
  object.close();
  co_return json_response(200, std::move(out));
}

} // namespace carillon::api
