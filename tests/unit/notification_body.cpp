#define CAF_SUITE notification_body
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/dialects/copper_body.hpp"
#include "domain/json_gate.hpp"
#include "domain/notification_body.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

constexpr wall_time accepted{std::chrono::milliseconds{1728922554893}};

subscription lead(const char* event_name) {
  subscription s;
  s.id = subscription_id{395049};
  s.copper.type = "lead";
  s.copper.event = event_name;
  return s;
}

event_ptr make(const std::string& how, const std::string& more,
               const std::string& ids = "\"record_id\":89011972") {
  auto e = parse_stored_event(R"({"entity":"Lead","action":")" + how + "\"," + ids + more + "}");
  if (!e)
    CAF_FAIL("no event: " << more);
  return e;
}

body_part part(const event_ptr& e, wall_time at = accepted) {
  return {e, 0, static_cast<std::uint32_t>(e->records.size()), e->how, at};
}

std::string body(const subscription& s, const std::vector<body_part>& parts, secrets how = secrets::shown) {
  const compiled_subscription c{s};
  auto text = render_body(c, "acme", parts, how).body;
  CAF_CHECK(!check_json(text));
  return text;
}

std::string attributes(const event_ptr& e, bool computed = false) {
  std::string made;
  return std::string{copper_updated_attributes(*e, e->how, computed, made)};
}

} // namespace

CAF_TEST(the body is the recorded one) {
  CAF_CHECK_EQUAL(body(lead("new"), {part(make("Create", ""))}),
                  R"({"subscription_id":395049,"event":"new","type":"lead","ids":[89011972],)"
                  R"("updated_attributes":{},"timestamp":"2024-10-14T16:15:54.893Z"})"s);
}

CAF_TEST(the secret is merged and reserved keys win) {
  auto s = lead("delete");
  s.copper.secret = string_pairs{{"secret", "s\"1"},
                                 {"ids", "mine"},
                                 {"key", "k"},
                                 {"timestamp", ""},
                                 {"type", "x"},
                                 {"event", "x"},
                                 {"subscription_id", "x"},
                                 {"updated_attributes", "x"}};
  s.copper.headers = string_pairs{{"X-Api-Key", "topsecret"}, {"X-B", "2"}};
  CAF_CHECK_EQUAL(
      body(s, {part(make("Delete", R"(,"changes":{"a":[1,2]})"))}),
      R"({"subscription_id":395049,"event":"delete","type":"lead","ids":[89011972],)"
      R"("updated_attributes":{},"timestamp":"2024-10-14T16:15:54.893Z","secret":"s\"1","key":"k"})"s);
  CAF_CHECK_EQUAL(
      body(s, {part(make("Delete", ""))}, secrets::masked),
      R"({"subscription_id":395049,"event":"delete","type":"lead","ids":[89011972],)"
      R"("updated_attributes":{},"timestamp":"2024-10-14T16:15:54.893Z","secret":"***","key":"***"})"s);
  const compiled_subscription c{s};
  const auto only = part(make("Delete", ""));
  const auto shown = render_body(c, "acme", {&only, 1}, secrets::shown);
  CAF_CHECK(shown.headers == *s.copper.headers);
  const auto masked = render_body(c, "acme", {&only, 1}, secrets::masked);
  CAF_CHECK((masked.headers == string_pairs{{"X-Api-Key", "***"}, {"X-B", "***"}}));
}

CAF_TEST(ids of all parts follow in order and numbers stay numbers) {
  const auto first =
      make("Update", "", R"("record_ids":[3,"007","a\"b","12",9007199254740993,"9007199254740995"])");
  const auto second = make("Update", "", R"("record_ids":[5,6,7,8])");
  const auto text = body(lead("update"),
                         {{first, 0, 5, action::Update, accepted}, {second, 1, 2, action::Update, accepted}});
  CAF_CHECK(text.find(R"("ids":[3,"007","a\"b",12,9007199254740993,6,7],)") != std::string::npos);
  const auto rest = body(lead("update"), {{first, 4, 2, action::Update, accepted}});
  CAF_CHECK(rest.find(R"("ids":[9007199254740993,"9007199254740995"],)") != std::string::npos);
}

CAF_TEST(the timestamp is that of the newest part) {
  const auto plain = make("Update", "");
  const auto dated = make("Update", R"(,"occurred_at":"2024-01-02T03:04:05+01:00")");
  const auto stamp = [&](const std::vector<body_part>& parts) {
    return nlohmann::json::parse(body(lead("update"), parts)).at("timestamp").get<std::string>();
  };
  CAF_CHECK_EQUAL(stamp({part(dated)}), "2024-01-02T02:04:05.000Z"s);
  CAF_CHECK_EQUAL(stamp({part(dated), part(plain)}), "2024-10-14T16:15:54.893Z"s);
  CAF_CHECK_EQUAL(stamp({part(plain), part(dated)}), "2024-01-02T02:04:05.000Z"s);
  CAF_CHECK_EQUAL(stamp({part(plain, wall_time{}), part(plain, accepted)}), "2024-10-14T16:15:54.893Z"s);
}

CAF_TEST(updated attributes are the bytes that came) {
  CAF_CHECK_EQUAL(attributes(make("Update", "")), "{}"s);
  CAF_CHECK_EQUAL(attributes(make("Update", R"(,"record":{"a":1})")), "{}"s);
  const std::string changes = R"({ "stage_id" : [1.50, 12345678901234567890],"stage":["A\u00e9", null] })";
  CAF_CHECK_EQUAL(attributes(make("Update", ",\"changes\":" + changes)), changes);
  const std::string nested = R"({"custom_fields":{"9":[1,2],"7":[null,"x"]},"b":[1,2]})";
  CAF_CHECK_EQUAL(attributes(make("Update", ",\"changes\":" + nested)), nested);
  CAF_CHECK_EQUAL(attributes(make("Create", ",\"changes\":" + changes)), "{}"s);
  CAF_CHECK_EQUAL(attributes(make("Delete", ",\"changes\":" + changes)), "{}"s);
}

CAF_TEST(updated attributes come from the difference when there are no changes) {
  CAF_CHECK_EQUAL(
      attributes(make("Update",
                      R"(,"record":{"a":1.50,"b":2,"new":"n","same":[1,{"x":1}]},)"
                      R"("previous":{"same":[1.0,{"x":1}],"a":12345678901234567890,"b":2,"gone":true})")),
      R"({"a":[12345678901234567890,1.50],"new":[null,"n"],"gone":[true,null]})"s);
  CAF_CHECK_EQUAL(attributes(make("Update", R"(,"record":{"custom_fields":{"1":"x","2":"y"}},)"
                                            R"("previous":{"custom_fields":{"1":"x","3":"z"}})")),
                  R"({"custom_fields":{"2":[null,"y"],"3":["z",null]}})"s);
  CAF_CHECK_EQUAL(
      attributes(make("Update",
                      R"(,"record":{"custom_fields":[{"custom_field_definition_id":5,"value":2}]},)"
                      R"("previous":{"custom_fields":[{"custom_field_definition_id":5,"value":1}]})")),
      R"({"custom_fields":{"5":[1,2]}})"s);
  CAF_CHECK_EQUAL(attributes(make("Update", R"(,"record":{"a\"b":1},"previous":{})")),
                  R"({"a\"b":[null,1]})"s);
  CAF_CHECK_EQUAL(attributes(make("Update", R"(,"record":{"a":1},"previous":{"a":1})")), "{}"s);
}

CAF_TEST(computed values name the options that came along) {
  const std::string included =
      R"(,"included":{"CustomFieldOption/11":{"id":11,"name":"H\u00f6t"},"CustomFieldOption/12":"Cold",)"
      R"("https://h/options/13":{"name":"Warm"},"CustomFieldOption/14":{"id":14},"15":{"name":"Bare"}})";
  const auto rendered = [&](const std::string& pair, bool computed = true) {
    return attributes(
        make("Update", R"(,"changes":{"x":[11,12],"custom_fields":{"7":)" + pair + "}}" + included),
        computed);
  };
  const auto expected = [](const std::string& pair) {
    return R"({"x":[11,12],"custom_fields":{"7":)" + pair + "}}";
  };
  const std::pair<const char*, const char*> cases[] = {{"[11,12]", R"(["H\u00f6t","Cold"])"},
                                                       {R"(["11",null])", R"(["H\u00f6t",null])"},
                                                       {"[[11,99],[12]]", R"([["H\u00f6t",99],["Cold"]])"},
                                                       {"[[],[ 11 ]]", R"([[],["H\u00f6t"]])"},
                                                       {R"(["https://h/options/13",14])", R"(["Warm",14])"},
                                                       {"[99,true]", "[99,true]"},
                                                       {"[15,null]", R"(["Bare",null])"},
                                                       {R"([{"id":11},null])", R"([{"id":11},null])"}};
  for (const auto& [pair, named] : cases) {
    CAF_CHECK_EQUAL(rendered(pair), expected(named));
    CAF_CHECK_EQUAL(rendered(pair, false), expected(pair));
  }
  // Without anything to name, the bytes stay.
  const std::string spaced = R"({ "custom_fields" : { "7" : [11, 12] } })";
  CAF_CHECK_EQUAL(attributes(make("Update", ",\"changes\":" + spaced), true), spaced);
  auto s = lead("update");
  s.copper.custom_field_computed_values = true;
  const auto text =
      body(s, {part(make("Update", R"(,"changes":{"custom_fields":{"7":[null,12]}})" + included))});
  CAF_CHECK(text.find(R"("updated_attributes":{"custom_fields":{"7":[null,"Cold"]}})") != std::string::npos);
  CAF_CHECK_EQUAL(
      attributes(make("Update", R"(,"record":{"custom_fields":{"7":11}},"previous":{})" + included), true),
      R"({"custom_fields":{"7":[null,"H\u00f6t"]}})"s);
}

CAF_TEST(equal attributes share a merge key) {
  const compiled_subscription updates{lead("update")};
  const auto key = [&](const std::string& more) {
    return merge_key(updates, *make("Update", more), action::Update);
  };
  CAF_CHECK_EQUAL(key(R"(,"changes":{"a":[1,2]})"), key(R"(,"changes":{"a":[1,2]},"record":{"a":2})"));
  CAF_CHECK_EQUAL(key(R"(,"changes":{"a":[1,2]})"), key(R"(,"record":{"a":2},"previous":{"a":1})"));
  CAF_CHECK_NOT_EQUAL(key(R"(,"changes":{"a":[1,2]})"), key(R"(,"changes":{"a":[1,3]})"));
  CAF_CHECK_NOT_EQUAL(key(R"(,"changes":{"a":[1,2]})"), key(""));
  // Stable across restarts and versions: notifications that wait compare with it.
  CAF_CHECK_EQUAL(key(R"(,"changes":{"a":[1,2]})"), 9257353650776764400ULL);
  const compiled_subscription created{lead("new")};
  CAF_CHECK_EQUAL(merge_key(created, *make("Create", R"(,"changes":{"a":[1,2]})"), action::Create),
                  merge_key(created, *make("Create", ""), action::Create));
  auto named = lead("update");
  named.copper.custom_field_computed_values = true;
  const compiled_subscription computed{named};
  const auto option = [&](const char* name) {
    return merge_key(
        computed,
        *make("Update",
              R"(,"changes":{"custom_fields":{"7":[null,12]}},"included":{"CustomFieldOption/12":")"s + name +
                  "\"}"),
        action::Update);
  };
  CAF_CHECK_EQUAL(option("a"), option("a"));
  CAF_CHECK_NOT_EQUAL(option("a"), option("b"));
}

CAF_TEST(copper sends thirty ids at once and knows no chunk delay) {
  const compiled_subscription c{lead("update")};
  CAF_CHECK_EQUAL(records_per_notification(c), 30U);
  CAF_CHECK_EQUAL(chunk_delay(c), 0U);
}

CAF_TEST(a sample matches its subscription) {
  for (const char* type : {"lead", "person", "company", "opportunity", "project", "task", "activity_log"})
    for (const char* name : {"new", "update", "delete"}) {
      auto s = lead(name);
      s.copper.type = type;
      for (const auto& watched :
           {std::vector<std::string>{}, {"email", "zip"}, {"custom_fields.12"}, {"date_modified"}}) {
        s.on_field_change = watched;
        const compiled_subscription c{s, {}};
        const auto e = sample_event(c);
        CAF_REQUIRE(e);
        CAF_CHECK(c.match(*e, {}).reason == match_reason::matched);
        const auto only = part(e);
        CAF_CHECK(!check_json(render_body(c, "acme", {&only, 1}, secrets::shown).body));
      }
    }
  auto s = lead("update");
  s.on_field_change = {"custom_fields.12"};
  CAF_CHECK_EQUAL(attributes(sample_event(compiled_subscription{s})),
                  R"({"custom_fields":{"12":["Old value","New value"]}})"s);
}
