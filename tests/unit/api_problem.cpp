#define CAF_SUITE api_problem
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "api/copper.hpp"
#include "api/problem.hpp"

#include <nlohmann/json.hpp>

#include <set>

using namespace carillon;
using namespace carillon::api;
using nlohmann::json;

CAF_TEST(a_problem_has_all_members_and_the_requests_id) {
  const refusal why{"invalid", "not \"good\"", {{"#/a", "is bad"}, {"#/b/0", "too"}}};
  const auto response = problem_response(why, "r-1");
  CAF_CHECK_EQUAL(response.status, 422);
  CAF_CHECK_EQUAL(response.content_type, "application/problem+json");
  CAF_CHECK_EQUAL(json::parse(response.body),
                  json::parse(R"({"type":"urn:carillon:problem:invalid","title":"The request's content is not valid",
    "status":422,"detail":"not \"good\"","errors":[{"pointer":"#/a","detail":"is bad"},{"pointer":"#/b/0",
    "detail":"too"}],"request_id":"r-1"})"));
}

CAF_TEST(overload_always_says_when_to_come_back) {
  const auto retry = [](int status, std::uint32_t seconds) {
    const refusal why{account::request_error{status, "overloaded", "", {}, seconds}};
    const auto response = problem_response(why, "");
    const auto copper = copper_refusal(why);
    CAF_CHECK(response.fields.find("Retry-After") == copper.fields.find("Retry-After"));
    return std::string{response.fields.find("Retry-After").value_or("none")};
  };
  CAF_CHECK_EQUAL(retry(503, 0), "1");
  CAF_CHECK_EQUAL(retry(503, 30), "30");
  CAF_CHECK_EQUAL(retry(429, 7), "7");
  CAF_CHECK_EQUAL(retry(409, 7), "none");
}

CAF_TEST(members_and_fields_come_along) {
  const auto response = problem_response(refusal{"cursor-gone", "x"}.with_member("earliest", "abc").with_field("A", "b"), "");
  CAF_CHECK_EQUAL(json::parse(response.body).value("earliest", ""), "abc");
  CAF_CHECK_EQUAL(response.fields.find("a").value_or(""), "b");
}

CAF_TEST(slugs_are_unique_and_unknown_ones_are_internal) {
  std::set<std::string_view> slugs;
  for (const auto& kind : problem_kinds())
    CAF_CHECK(slugs.insert(kind.slug).second);
  CAF_CHECK_EQUAL(problem_of("nonsense").slug, "internal");
  CAF_CHECK_EQUAL(problem_of("store-full").status, 503);
}

CAF_TEST(copper_has_an_envelope_of_its_own) {
  const auto response = copper_refusal(refusal{"not-found", "there is no such subscription"});
  CAF_CHECK_EQUAL(response.status, 404);
  CAF_CHECK_EQUAL(response.content_type, "application/json");
  CAF_CHECK_EQUAL(response.body, R"({"success":false,"status":404,"message":"Resource not found"})");
  CAF_CHECK(is_copper_path("/developer_api"));
  CAF_CHECK(is_copper_path("/developer_api/v2/x"));
  CAF_CHECK(!is_copper_path("/developer_apis"));
}
