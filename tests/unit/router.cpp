#define CAF_SUITE router
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "api/router.hpp"

#include <set>

using namespace carillon;
using namespace carillon::api;
using net::listener_role;

namespace {

const router& all() {
  static const router r{all_routes()};
  return r;
}

std::string_view hit(std::string_view method, std::string_view path, listener_role role = listener_role::all) {
  const auto found = all().find(method, path, role);
  return found.hit == nullptr ? "none" : found.hit->path;
}

} // namespace

CAF_TEST(templates_take_parameters_in_order) {
  const auto found = all().find("POST", "/v1/accounts/acme/subscriptions/17/secret/rotate", listener_role::all);
  CAF_REQUIRE(found.hit != nullptr);
  CAF_CHECK_EQUAL(found.path, "/v1/accounts/{account}/subscriptions/{id}/secret/rotate");
  CAF_REQUIRE_EQUAL(found.values.size(), 2u);
  CAF_CHECK_EQUAL(found.values[0], "acme");
  CAF_CHECK_EQUAL(found.values[1], "17");
}

CAF_TEST(a_parameter_is_never_empty) {
  CAF_CHECK_EQUAL(hit("GET", "/v1/accounts/"), "none");
  CAF_CHECK_EQUAL(hit("GET", "/v1/accounts//usage"), "none");
}

CAF_TEST(unknown_paths_are_none_and_allow_nothing) {
  for (const auto* path : {"/", "/v1", "/v2/accounts", "/v1/accounts/a/nonsense", "/developer_api/v1/nonsense",
                           "/a/b/c/d/e/f/g/h/i/j/k/l", "//v1/accounts", "/v1/accounts/a/usage/"}) {
    const auto found = all().find("GET", path, listener_role::all);
    CAF_CHECK(found.hit == nullptr);
    CAF_CHECK_EQUAL(found.allow, "");
  }
}

CAF_TEST(another_method_is_told_what_the_path_knows) {
  const auto found = all().find("PATCH", "/v1/tokens", listener_role::all);
  CAF_CHECK(found.hit == nullptr);
  CAF_CHECK_EQUAL(found.allow, "GET, HEAD, POST, OPTIONS");
  CAF_CHECK_EQUAL(all().find("OPTIONS", "/healthz", listener_role::all).allow, "GET, HEAD, OPTIONS");
  CAF_CHECK_EQUAL(all().find("GET", "/v1/release", listener_role::all).allow, "POST, OPTIONS");
}

CAF_TEST(head_is_get) { CAF_CHECK_EQUAL(hit("HEAD", "/healthz"), "/healthz"); }

CAF_TEST(only_the_dialects_paths_take_a_trailing_slash) {
  CAF_CHECK_EQUAL(hit("GET", "/api/v100/rest/spaces/a/entities/Webhooks/"),
                  "/api/v100/rest/spaces/{account}/entities/Webhooks");
  CAF_CHECK_EQUAL(hit("GET", "/developer_api/v1/webhooks/"), "/developer_api/v1/webhooks");
  CAF_CHECK_EQUAL(hit("DELETE", "/developer_api/v1/webhooks/7/"), "/developer_api/v1/webhooks/{id}");
  CAF_CHECK_EQUAL(hit("GET", "/developer_api/v1/webhooks//"), "none");
  CAF_CHECK_EQUAL(hit("GET", "/v1/tokens/"), "none");
}

CAF_TEST(the_operators_routes_answer_on_admin_listeners_only) {
  for (const auto* path : {"/metrics", "/readyz", "/openapi.json", "/v1/tokens", "/v1/cluster", "/v1/accounts"}) {
    CAF_CHECK_EQUAL(hit("GET", path, listener_role::open), "none");
    CAF_CHECK_EQUAL(hit("GET", path, listener_role::admin), path);
    CAF_CHECK_EQUAL(hit("GET", path), path);
  }
  CAF_CHECK_EQUAL(hit("POST", "/v1/accounts/a/events", listener_role::open), "none");
  CAF_CHECK_EQUAL(hit("GET", "/healthz", listener_role::open), "/healthz");
  CAF_CHECK_EQUAL(hit("GET", "/v1/accounts/a/usage", listener_role::open), "/v1/accounts/{account}/usage");
  CAF_CHECK_EQUAL(hit("GET", "/developer_api/v1/webhooks", listener_role::open), "/developer_api/v1/webhooks");
}

CAF_TEST(what_is_not_served_here_is_not_even_allowed) {
  // A path of both sides, with a method of one.
  CAF_CHECK_EQUAL(all().find("PUT", "/v1/accounts/a", listener_role::open).allow, "");
  CAF_CHECK_EQUAL(all().find("POST", "/v1/accounts/a", listener_role::open).allow, "GET, HEAD, OPTIONS");
}

CAF_TEST(no_route_is_there_twice_and_each_has_a_handler) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& r : all_routes()) {
    CAF_CHECK(seen.emplace(r.method, r.path).second);
    CAF_CHECK(r.answer != nullptr);
  }
}
