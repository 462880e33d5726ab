#define CAF_SUITE api_openapi
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "api/openapi.hpp"
#include "api/problem.hpp"
#include "api/router.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

using namespace carillon::api;
using nlohmann::json;

namespace {

const json& document() {
  static const auto parsed = json::parse(openapi_document());
  return parsed;
}

/// Calls `visit` for every object in the document.
template <class Visit>
void walk(const json& value, Visit& visit) {
  if (value.is_object())
    visit(value);
  for (const auto& child : value)
    if (child.is_structured())
      walk(child, visit);
}

} // namespace

CAF_TEST(every_route_is_described_and_nothing_else_is) {
  std::set<std::string> served, described;
  for (const auto& r : all_routes())
    served.insert(std::string{r.method} + ' ' + std::string{r.path});
  for (const auto& [path, item] : document().at("paths").items())
    for (const auto& [method, operation] : item.items()) {
      auto upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      described.insert(upper + ' ' + path);
    }
  CAF_CHECK(served == described);
}

CAF_TEST(the_list_of_problems_is_the_programs) {
  std::set<std::string> known, described;
  for (const auto& kind : problem_kinds())
    known.insert("urn:carillon:problem:" + std::string{kind.slug});
  for (const auto& type : document().at("/components/schemas/Problem/properties/type/enum"_json_pointer))
    described.insert(type.get<std::string>());
  CAF_CHECK(known == described);
}

CAF_TEST(references_lead_somewhere) {
  std::size_t seen = 0;
  auto visit = [&](const json& object) {
    if (const auto it = object.find("$ref"); it != object.end()) {
      ++seen;
      CAF_CHECK(document().contains(json::json_pointer{it->get<std::string>().substr(1)}));
    }
  };
  walk(document(), visit);
  CAF_CHECK(seen > 100);
}

CAF_TEST(schemas_say_whether_they_take_other_members) {
  auto visit = [&](const json& object) {
    if (object.contains("properties"))
      CAF_CHECK_EQUAL(object.value("additionalProperties", json(nullptr)), json(false));
  };
  walk(document().at("components").at("schemas"), visit);
}

CAF_TEST(names_of_operations_are_unique) {
  std::set<std::string> names;
  std::size_t count = 0;
  for (const auto& item : document().at("paths"))
    for (const auto& operation : item) {
      names.insert(operation.at("operationId").get<std::string>());
      ++count;
    }
  CAF_CHECK_EQUAL(names.size(), count);
}
