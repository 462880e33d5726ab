// What operators and their machines ask of a node.
#include "api/handlers.hpp"
#include "api/cluster_json.hpp"
#include "api/json_body.hpp"
#include "api/openapi.hpp"
#include "api/query.hpp"
#include "domain/json_write.hpp"

namespace carillon::api {

answer get_healthz(call&) {
  co_return json_response(200, R"({"status":"ok"})");
}

answer get_readyz(call& c) {
  std::vector<std::string> reasons;
  const auto& node = c.node();
  if (node.draining() || c.around.stopping)
    reasons.emplace_back("draining");
  if (node.store().full())
    reasons.emplace_back("store-full");
  if (node.held())
    reasons.emplace_back("held");
  if (node.clustered() && (node.where(domain::system_shard).is == actors::node::place::kind::nowhere ||
                           !node.catalog_is_current()))
    reasons.emplace_back("no-quorum");
  std::string body;
  domain::object_writer object{body};
  object.texts("reasons", reasons).close();
  co_return json_response(reasons.empty() ? 200 : 503, std::move(body));
}

answer get_metrics(call& c) {
  auto response = json_response(200, c.node().counts().render());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return response;
}

answer get_openapi(call&) {
  co_return json_response(200, std::string{openapi_document()});
}

answer get_cluster(call& c) {
  allow_parameters(c.request, {});
  if (!c.node().clustered())
    throw refusal{"not-found", "this node is no member of a cluster"};
  const auto view = c.node().cluster_state();
  actors::lag_report lag;
  if (auto asked = view)
    lag = co_await ask_lag(c.node(), asked);
  co_return json_response(200, render_cluster(view, lag, c.node().store().identity().shards,
                                              c.node().settings()->cluster.replicas));
}

answer post_release(call& c) {
  allow_parameters(c.request, {});
  object_body::faults errors;
  object_body body{require_valid(c.request.body), "#", errors};
  body.require("action");
  const auto action = body.word("action", {"send", "expire"}).value_or("");
  body.require("accounts");
  auto accounts = body.texts("accounts", 1, 10'000, 64).value_or(std::vector<std::string>{});
  for (const auto& name : accounts)
    if (name != "*" && !storage::well_formed_account_name(name))
      body.fault("accounts", "must be ids of accounts, or \"*\"");
  body.finish();
  throw_faults(errors, "the release");
  auto reply = co_await release(c.node(), action == "send", accounts);
  c.around.credentials.forget();
  if (auto* error = std::get_if<account::request_error>(&reply))
    throw refusal{std::move(*error)};
  std::string out;
  domain::object_writer object{out};
  object.text("action", action).boolean("held", c.node().held()).close();
  co_return json_response(200, std::move(out));
}

} // namespace carillon::api
