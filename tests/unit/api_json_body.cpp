#define CAF_SUITE api_json_body
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "api/account_json.hpp"
#include "api/json_body.hpp"
#include "api/problem.hpp"
#include "api/query.hpp"
#include "domain/public_id.hpp"

#include <nlohmann/json.hpp>

using namespace carillon;
using namespace carillon::api;

namespace {

template <class Work>
std::string slug_of(Work work) {
  try {
    work();
    return "none";
  } catch (const refusal& why) {
    return why.error().slug;
  }
}

std::string with_type(const char* type) {
  net::http_request request;
  if (type != nullptr)
    request.fields.add("content-type", type);
  return slug_of([&] { require_json(request); });
}

net::http_request with_query(std::string name, std::string value) {
  net::http_request request;
  request.query.emplace_back(std::move(name), std::move(value));
  return request;
}

/// The places that a description of an account is wrong at, "none" when it is fine.
std::string faults_of(const std::string& body) {
  try {
    read_account(body, account_id_in::path, {});
    return "none";
  } catch (const refusal& why) {
    std::string places;
    for (const auto& error : why.error().errors)
      places += (places.empty() ? "" : " ") + error.pointer;
    return places;
  }
}

} // namespace

CAF_TEST(only_json_in_utf_8_is_taken) {
  for (const auto* good : {"application/json", "APPLICATION/JSON", "application/json; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json ; "})
    CAF_CHECK_EQUAL(with_type(good), "none");
  for (const auto* bad : {"text/plain", "application/jsonp", "application/json; charset=latin1", "json", "",
                          "application/json; boundary=x", "application/problem+json"})
    CAF_CHECK_EQUAL(with_type(bad), "unsupported-media-type");
  CAF_CHECK_EQUAL(with_type(nullptr), "unsupported-media-type");
}

CAF_TEST(malformed_json_names_its_place) {
  try {
    require_valid(R"({"a":{"b":[1,2,]}})");
    CAF_FAIL("it was taken");
  } catch (const refusal& why) {
    CAF_CHECK_EQUAL(why.error().status, 400);
    CAF_REQUIRE_EQUAL(why.error().errors.size(), 1u);
    CAF_CHECK(why.error().errors.front().pointer.starts_with("#/a/b"));
  }
}

CAF_TEST(members_are_typed_bounded_and_known) {
  object_body::faults errors;
  object_body body{R"({"t":"abc","n":5,"big":99999999999999999999,"frac":1.5,"w":"yes","nil":null,"x":1,"l":["a","b","a"]})",
                   "#", errors};
  CAF_CHECK_EQUAL(body.text("t", 1, 3).value_or(""), "abc");
  CAF_CHECK_EQUAL(body.number("n", 1, 5).value_or(0), 5u);
  CAF_CHECK(!body.text("nil", 1, 3) && body.is_null("nil") && !body.has("nil"));
  CAF_CHECK_EQUAL(body.texts("l", 1, 3, 10).value_or(std::vector<std::string>{}).size(), 2u);
  CAF_CHECK(errors.empty());
  CAF_CHECK(!body.text("t", 4, 9));
  CAF_CHECK(!body.number("big", 0, 5) && !body.number("frac", 0, 5) && !body.number("t", 0, 5));
  CAF_CHECK(!body.word("w", {"no"}));
  body.require("missing");
  body.finish();
  std::string places;
  for (const auto& error : errors)
    places += error.pointer + ' ';
  CAF_CHECK_EQUAL(places, "#/t #/big #/frac #/t #/w #/missing #/x ");
}

CAF_TEST(anything_but_an_object_is_a_fault) {
  for (const auto* text : {"[]", "5", "null", "\"a\""}) {
    object_body::faults errors;
    object_body body{text, "#", errors};
    CAF_REQUIRE_EQUAL(errors.size(), 1u);
    CAF_CHECK_EQUAL(errors.front().pointer, "#");
  }
}

CAF_TEST(an_accounts_description_is_strict) {
  CAF_CHECK_EQUAL(faults_of("{}"), "none");
  CAF_CHECK_EQUAL(faults_of(R"({"limits":null,"backlog":null,"max_subscriptions":null,"labels":null,"name":null})"), "none");
  CAF_CHECK_EQUAL(faults_of(R"({"limits":[{"count":1000000000,"seconds":3600}]})"), "none");
  CAF_CHECK_EQUAL(faults_of(R"({"limits":[]})"), "#/limits");
  CAF_CHECK_EQUAL(faults_of(R"({"limits":[{"count":1000000001,"seconds":3601,"x":1}]})"),
                  "#/limits/0/count #/limits/0/seconds #/limits/0/x");
  CAF_CHECK_EQUAL(faults_of(R"({"limits":[{"count":1,"seconds":1},{"count":1,"seconds":1},{"count":1,"seconds":1},
                                {"count":1,"seconds":1},{"count":1,"seconds":1}]})"),
                  "#/limits");
  CAF_CHECK_EQUAL(faults_of(R"({"state":"deleting"})"), "#/state");
  CAF_CHECK_EQUAL(faults_of(R"({"backlog":{"seconds":259201}})"), "#/backlog/seconds");
  CAF_CHECK_EQUAL(faults_of(R"({"labels":{"a/b":1}})"), "#/labels/a~1b");
  CAF_CHECK_EQUAL(faults_of(R"({"id":"x"})"), "#/id");
}

CAF_TEST(query_parameters_have_bounds_and_names) {
  CAF_CHECK_EQUAL(page_limit({}), 100u);
  CAF_CHECK_EQUAL(page_limit(with_query("limit", "500")), 500u);
  for (const auto* bad : {"0", "501", "-1", "x", "", "1.0", " 1", "99999999999"})
    CAF_CHECK_EQUAL(slug_of([&] { page_limit(with_query("limit", bad)); }), "invalid-parameter");
  CAF_CHECK_EQUAL(slug_of([&] { allow_parameters(with_query("limti", "1"), {"limit"}); }), "invalid-parameter");
}

CAF_TEST(a_page_begins_where_its_own_lists_cursor_says) {
  CAF_CHECK(!page_start({}, "keys"));
  CAF_CHECK_EQUAL(page_start(with_query("after", domain::list_cursor("keys", "k7")), "keys").value_or(""), "k7");
  CAF_CHECK_EQUAL(slug_of([&] { page_start(with_query("after", domain::list_cursor("tokens", "k7")), "keys"); }),
                  "invalid-parameter");
}

CAF_TEST(lists_in_a_query_are_repeated_or_separated_by_commas) {
  net::http_request request;
  request.query = {{"state", "a,b"}, {"other", "x"}, {"state", "c"}};
  CAF_CHECK(list_parameter(request, "state") == (std::vector<std::string>{"a", "b", "c"}));
}

CAF_TEST(a_page_without_a_next_says_null) {
  page_writer empty, full;
  CAF_CHECK_EQUAL(empty.finish(""), R"({"data":[],"next":null})");
  full.entry() += "1";
  full.entry() += "2";
  CAF_CHECK_EQUAL(full.finish("c"), R"({"data":[1,2],"next":"c"})");
}
