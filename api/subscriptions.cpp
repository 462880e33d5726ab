// Subscriptions of every dialect, as the native API shows and changes them.
#include "api/handlers.hpp"
#include "api/json_body.hpp"
#include "api/notification_json.hpp"
#include "api/query.hpp"
#include "api/subscription_change.hpp"
#include "crypto/base64.hpp"
#include "crypto/signature.hpp"
#include "domain/json_write.hpp"
#include "domain/native_subscription.hpp"
#include "domain/outcome.hpp"
#include "domain/public_id.hpp"
#include "domain/rfc3339.hpp"

namespace carillon::api {

namespace {

using domain::subscription;

constexpr std::uint64_t default_grace = 24 * 3600;   ///< seconds
constexpr std::uint64_t most_grace = 30 * 24 * 3600; ///< seconds
constexpr std::uint32_t longest_test_wait = 30;      ///< seconds

domain::subscription_id id_of(const call& c) {
  const auto id = parse_subscription_id(c.id());
  if (!id)
    throw refusal{"not-found", "there is no such subscription"};
  return *id;
}

/// What a rotation asks for.
struct rotation {
  std::string text;           ///< "whsec_…"
  std::string key;            ///< its raw bytes
  std::chrono::seconds grace; ///< how long the one before it still signs
};

rotation read_rotation(std::string_view body) {
  rotation wanted{crypto::make_secret(), {}, std::chrono::seconds{default_grace}};
  if (!body.empty()) {
    object_body::faults errors;
    object_body object{require_valid(body), "#", errors};
    if (auto secret = object.text("secret", 1, 256)) {
      wanted.text = std::move(*secret);
      if (!crypto::decode_secret(wanted.text))
        object.fault("secret", "must be \"whsec_\" and the base64 of 24 to 64 bytes");
    }
    wanted.grace =
        std::chrono::seconds{object.number("grace_seconds", 0, most_grace).value_or(default_grace)};
    object.finish();
    throw_faults(errors, "the rotation");
  }
  wanted.key = *crypto::decode_secret(wanted.text);
  return wanted;
}

} // namespace

answer list_subscriptions(call& c) {
  allow_parameters(c.request, {"limit", "after"});
  const auto limit = page_limit(c.request);
  const auto start = parse_subscription_id(page_start(c.request, "subscriptions").value_or(""));
  const auto all = co_await read_subscriptions(c);
  page_writer page;
  std::size_t shown = 0;
  std::string last, next;
  for (const auto& s : all) {
    if (start && raw(s.id) <= raw(*start))
      continue;
    if (shown == limit) {
      next = domain::list_cursor("subscriptions", last);
      break;
    }
    page.entry() += domain::render_native_subscription(s);
    last = std::to_string(raw(s.id));
    ++shown;
  }
  co_return json_response(200, page.finish(next));
}

answer get_subscription(call& c) {
  allow_parameters(c.request, {});
  const auto found = co_await read_subscription(c, id_of(c));
  co_return json_response(200, domain::render_native_subscription(found));
}

answer patch_subscription(call& c) {
  allow_parameters(c.request, {});
  domain::parse_error error;
  const auto patch = domain::parse_native_patch(c.request.body, error);
  if (!patch)
    throw refusal{error.what == domain::parse_error::kind::malformed ? "malformed" : "invalid",
                  std::move(error.detail), std::move(error.errors)};
  const subscription_change change = [&](subscription& s) {
    domain::apply_native_patch(*patch, domain::wall_now(), s);
  };
  const auto changed = co_await change_subscription(c, id_of(c), change);
  co_return json_response(200, domain::render_native_subscription(changed));
}

answer delete_subscription(call& c) {
  allow_parameters(c.request, {});
  account::request what = account::delete_subscription{id_of(c)};
  co_await c.ask<account::done_reply>(what);
  co_return no_content();
}

answer rotate_secret(call& c) {
  allow_parameters(c.request, {});
  const auto id = parse_subscription_id(c.values[1]);
  if (!id)
    throw refusal{"not-found", "there is no such subscription"};
  const auto wanted = read_rotation(c.request.body);
  const auto expires = domain::wall_now() + wanted.grace;
  const subscription_change change = [&](subscription& s) {
    if (s.pipeliner.signature)
      throw refusal{"invalid", "this webhook has a signature of its own, sent under the same name: take that "
                               "away first"};
    s.signing.previous.clear();
    s.signing.previous_expires.reset();
    if (!s.signing.current.empty() && wanted.grace.count() > 0) {
      s.signing.previous = std::move(s.signing.current);
      s.signing.previous_expires = expires;
    }
    s.signing.current = wanted.key;
  };
  const auto changed = co_await change_subscription(c, *id, change);
  std::string out;
  domain::object_writer object{out};
  object.text("secret", wanted.text);
  if (changed.signing.previous_expires)
    object.text("previous_expires_at", domain::format_rfc3339(*changed.signing.previous_expires));
  else
    object.null("previous_expires_at");
  object.close();
  auto response = json_response(200, std::move(out));
  response.fields.add("Cache-Control", "no-store");
  co_return response;
}

answer test_subscription(call& c) {
  allow_parameters(c.request, {"wait"});
  const auto id = parse_subscription_id(c.values[1]);
  if (!id)
    throw refusal{"not-found", "there is no such subscription"};
  const std::chrono::seconds wait{number_parameter(c.request, "wait", 0, longest_test_wait, 0)};
  account::request what = account::test_subscription{*id, wait};
  const auto reply = co_await c.ask<account::notification_reply>(what, ask_timeout + wait);
  const notification_owner owner{c.node().store().identity().generation, c.account->number};
  co_return json_response(domain::is_final(reply.value.state) ? 200 : 202, render_notification(reply, owner));
}

} // namespace carillon::api
