#define CAF_SUITE matching
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/dialects/copper_body.hpp"
#include "domain/entity_names.hpp"
#include "domain/matching.hpp"

#include <stdexcept>
#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

subscription copper(const char* type, const char* event_name) {
  subscription s;
  s.id = subscription_id{1};
  s.copper.type = type;
  s.copper.event = event_name;
  return s;
}

event_ptr make(const std::string& text) {
  auto e = parse_stored_event(text);
  if (!e)
    CAF_FAIL("no event: " << text);
  return e;
}

event_ptr update(const std::string& more = "", const char* entity_name = "Contact") {
  return make(R"({"entity":")" + std::string{entity_name} + R"(","action":"Update","record_id":1)" + more +
              "}");
}

bool refused(const subscription& s) {
  try {
    const compiled_subscription c{s};
    return false;
  } catch (const std::invalid_argument&) {
    return true;
  }
}

std::string reason(const subscription& s, const event_ptr& e, std::vector<std::string> keys = {}) {
  const auto result = compiled_subscription{s}.match(*e, keys);
  return std::string{to_string(result.reason)} + (result.path.empty() ? "" : ":" + result.path);
}

} // namespace

CAF_TEST(copper types and events map to entities and actions) {
  const std::pair<const char*, entity> types[] = {{"lead", entity::Lead},
                                                  {"person", entity::Contact},
                                                  {"company", entity::Account},
                                                  {"opportunity", entity::Opportunity},
                                                  {"project", entity::Project},
                                                  {"task", entity::Task},
                                                  {"activity_log", entity::Activity}};
  const std::pair<const char*, action> events[] = {
      {"new", action::Create}, {"update", action::Update}, {"delete", action::Delete}};
  for (const auto& [type, what] : types)
    for (const auto& [name, how] : events) {
      const compiled_subscription c{copper(type, name)};
      for (std::size_t i = 0; i < entity_count; ++i)
        for (std::size_t j = 0; j < action_count; ++j) {
          const auto e = static_cast<entity>(i);
          const auto a = static_cast<action>(j);
          CAF_CHECK_EQUAL(c.concerns(e, a), e == what && a == how);
          if (!has_action(e, a))
            continue;
          const auto posted = make(R"({"entity":")" + std::string{to_string(e)} + R"(","action":")" +
                                   std::string{to_string(a)} + R"(","record_id":1})");
          const auto result = c.match(*posted, {});
          const auto expected = e != what  ? match_reason::entity
                                : a != how ? match_reason::action
                                           : match_reason::matched;
          CAF_CHECK(result.reason == expected);
          if (expected == match_reason::matched)
            CAF_CHECK(result.as == how);
        }
    }
  for (const char* type : {"Lead", "", "contact", "activity", "people"})
    CAF_CHECK(!copper_entity(type));
  for (const char* name : {"New", "", "create", "won"})
    CAF_CHECK(!copper_action(name));
  CAF_CHECK(refused(copper("x", "new")));
  CAF_CHECK(refused(copper("lead", "x")));
  auto s = copper("lead", "new");
  s.filter = R"({"a":{"like":1}})";
  CAF_CHECK(refused(s));
}

CAF_TEST(an update of nothing but meta fields triggers nothing) {
  const auto s = copper("person", "update");
  const std::pair<const char*, const char*> cases[] = {
      {"", "matched"},
      {R"(,"record":{"name":"x"})", "matched"},
      {R"(,"changes":{"name":[1,2]})", "matched"},
      {R"(,"changes":{"date_modified":[1,2]})", "meta-only"},
      {R"(,"changes":{"date_modified":[1,2],"interaction_count":[1,2],"modified_by_user":[1,2],"revision":[1,2]})",
       "meta-only"},
      {R"(,"changes":{"date_modified":[1,2],"name":[1,2]})", "matched"},
      {R"(,"changes":{"custom_fields":{"date_modified":[1,2]}})", "matched"},
      {R"(,"changes":{})", "meta-only"},
      {R"(,"record":{"a":1,"modified":2},"previous":{"a":1,"modified":1})", "meta-only"},
      {R"(,"record":{"a":1,"modified":2},"previous":{"a":2,"modified":1})", "matched"},
  };
  for (const auto& [more, expected] : cases)
    CAF_CHECK_EQUAL(more + reason(s, update(more)), more + std::string{expected});
  CAF_CHECK_EQUAL(
      reason(copper("person", "new"), make(R"({"entity":"Contact","action":"Create","record_id":1,)"
                                           R"("changes":{"date_created":[null,1]}})")),
      "matched"s);
  const compiled_subscription own{s, {"name", "zip"}};
  CAF_CHECK(own.match(*update(R"(,"changes":{"name":[1,2],"zip":[1,2]})"), {}).reason ==
            match_reason::meta_only);
  CAF_CHECK(own.match(*update(R"(,"changes":{"revision":[1,2]})"), {}).reason == match_reason::matched);
  const compiled_subscription none{s, {}};
  CAF_CHECK(none.match(*update(R"(,"changes":{"revision":[1,2]})"), {}).reason == match_reason::matched);
}

CAF_TEST(on field change gates updates by path) {
  auto s = copper("person", "update");
  s.on_field_change = {"email", "custom_fields.12", "address"};
  const std::pair<const char*, const char*> cases[] = {
      {R"(,"changes":{"email":[1,2]})", "matched"},
      {R"(,"changes":{"name":[1,2]})", "field-unchanged:email"},
      {R"(,"changes":{"name":[1,2],"email":[1,2]})", "matched"},
      {R"(,"changes":{"custom_fields":{"12":[1,2]}})", "matched"},
      {R"(,"changes":{"custom_fields":{"123":[1,2]}})", "field-unchanged:email"},
      {R"(,"changes":{"custom_fields":[1,2]})", "matched"},
      {R"(,"changes":{"emails":[1,2]})", "field-unchanged:email"},
      {R"(,"record":{"email":1},"previous":{"email":2})", "matched"},
      {R"(,"record":{"email":1},"previous":{"email":1.0,"x":1})", "field-unchanged:email"},
      {"", "field-unchanged:email"},
  };
  for (const auto& [more, expected] : cases)
    CAF_CHECK_EQUAL(more + reason(s, update(more)), more + std::string{expected});
  s.on_field_change = {"custom_fields"};
  CAF_CHECK_EQUAL(reason(s, update(R"(,"changes":{"custom_fields":{"9":[1,2]}})")), "matched"s);
  auto created = copper("person", "new");
  created.on_field_change = {"email"};
  CAF_CHECK_EQUAL(reason(created, make(R"({"entity":"Contact","action":"Create","record_id":1})")),
                  "matched"s);
}

CAF_TEST(skip keys of event and request both count) {
  auto s = copper("person", "update");
  s.skip_keys = {"mine", "other"};
  CAF_CHECK_EQUAL(reason(s, update()), "matched"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"skip_key":"mine")")), "skip-key"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"skip_key":["x","other"])")), "skip-key"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"skip_key":"Mine")")), "matched"s);
  CAF_CHECK_EQUAL(reason(s, update(), {"mine"}), "skip-key"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"skip_key":"x")"), {"y", "other"}), "skip-key"s);
  CAF_CHECK_EQUAL(reason(s, update(), {"x"}), "matched"s);
  CAF_CHECK_EQUAL(reason(copper("person", "update"), update(R"(,"skip_key":"mine")"), {"mine"}), "matched"s);
}

CAF_TEST(a filter decides last and names its path) {
  auto s = copper("opportunity", "update");
  s.filter = R"({"status":"Open","amount":{"gt":100}})";
  CAF_CHECK_EQUAL(reason(s, update(R"(,"record":{"status":1,"amount":200})", "Opportunity")), "matched"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"record":{"status":1,"amount":100})", "Opportunity")),
                  "filter:amount"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"record":{"status":2,"amount":200})", "Opportunity")),
                  "filter:status"s);
  CAF_CHECK_EQUAL(reason(s, update("", "Opportunity")), "filter:status"s);
  CAF_CHECK_EQUAL(reason(s, update(R"(,"record":{"status":2})", "Lead")), "entity"s);
}

CAF_TEST(reasons have the words of the API) {
  const std::pair<match_reason, const char*> words[] = {{match_reason::matched, "matched"},
                                                        {match_reason::entity, "entity"},
                                                        {match_reason::action, "action"},
                                                        {match_reason::filter, "filter"},
                                                        {match_reason::field_unchanged, "field-unchanged"},
                                                        {match_reason::meta_only, "meta-only"},
                                                        {match_reason::skip_key, "skip-key"},
                                                        {match_reason::custom_entity, "custom-entity"},
                                                        {match_reason::held, "held"}};
  for (const auto& [value, word] : words)
    CAF_CHECK_EQUAL(std::string{to_string(value)}, std::string{word});
}
