#include "api/account_json.hpp"
#include "api/handlers.hpp"
#include "api/query.hpp"

namespace carillon::api {

answer get_usage(call& c) {
  allow_parameters(c.request, {});
  account::request what = account::get_usage{};
  const auto usage = co_await c.ask<account::usage_reply>(what);
  co_return json_response(200, render_usage(usage, subscription_limit(*c.account, *c.node().settings())));
}

} // namespace carillon::api
