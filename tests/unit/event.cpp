#define CAF_SUITE event
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/hash.hpp"
#include "domain/entity_names.hpp"
#include "domain/event.hpp"
#include "domain/matching.hpp"

#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

constexpr const char* minimal = R"({"entity":"Contact","action":"Update","record_id":1)";

event_ptr good(const std::string& body) {
  parse_error error;
  auto parsed = parse_events(body, {}, error);
  if (!parsed) {
    CAF_MESSAGE(body << ": " << error.detail);
    for (const auto& e : error.errors)
      CAF_MESSAGE(e.pointer << " " << e.detail);
    CAF_FAIL("refused");
  }
  return parsed->events.at(0);
}

parse_error bad(const std::string& body, const event_limits& limits = {}) {
  parse_error error;
  if (parse_events(body, limits, error))
    CAF_FAIL("accepted: " << body);
  CAF_CHECK(!error.detail.empty());
  return error;
}

std::string fields(const event_ptr& e) {
  if (!e->changed_fields)
    return "unknown";
  std::string out;
  for (const auto& name : *e->changed_fields)
    out += name + ';';
  return out;
}

std::string actions(const event_ptr& e) {
  std::string out;
  for (const auto a : actions_of(*e))
    out += std::string{to_string(a)} + ';';
  return out;
}

std::string update(const std::string& entity_name, const std::string& changes, const std::string& more = "") {
  return R"({"entity":")" + entity_name + R"(","action":"Update","record_id":1,"changes":)" + changes + more +
         "}";
}

} // namespace

CAF_TEST(a full event is read) {
  const std::string text =
      R"({"id":"e-1!~","entity":"CustomEntity","action":"Update","record_id":"a/b","record":{"x":1.50},)"
      R"("previous":{"x":1},"custom_entity":"CE_Bid","related":{"r":1},"included":{"Client/1":{}},)"
      R"("occurred_at":"2024-10-14T16:15:54.893Z","skip_key":["k1","k2"],"derive":false})";
  const auto e = good(" " + text + "\n");
  CAF_CHECK_EQUAL(e->bytes, text);
  CAF_CHECK_EQUAL(e->id, "e-1!~"s);
  CAF_CHECK(e->what == entity::CustomEntity);
  CAF_CHECK(e->how == action::Update);
  CAF_CHECK_EQUAL(e->records.at(0).text, "a/b"s);
  CAF_CHECK_EQUAL(std::string{e->record}, R"({"x":1.50})"s);
  CAF_CHECK_EQUAL(std::string{e->previous}, R"({"x":1})"s);
  CAF_CHECK_EQUAL(std::string{e->related}, R"({"r":1})"s);
  CAF_CHECK_EQUAL(std::string{e->included}, R"({"Client/1":{}})"s);
  CAF_CHECK_EQUAL(e->custom_entity, "CE_Bid"s);
  CAF_CHECK_EQUAL(e->occurred_at->time_since_epoch().count(), 1728922554893);
  CAF_CHECK_EQUAL(e->skip_keys.size(), 2U);
  CAF_CHECK(!e->derive);
  CAF_CHECK_EQUAL(fields(e), "x;"s);
  CAF_CHECK(e->record.data() >= e->bytes.data() && e->record.data() < e->bytes.data() + e->bytes.size());
  CAF_CHECK(e->digest == carillon::crypto::fingerprint(text));

  const auto again = parse_stored_event(e->bytes);
  CAF_REQUIRE(again);
  CAF_CHECK(again->digest == e->digest);
  CAF_CHECK_EQUAL(fields(again), fields(e));
  CAF_CHECK(!parse_stored_event(text.substr(1)));
  CAF_CHECK(!parse_stored_event("[]"));
  CAF_CHECK(!parse_stored_event(""));
}

CAF_TEST(null members count as missing) {
  const auto e = good(std::string{minimal} +
                      R"(,"id":null,"record":null,"changes":null,"skip_key":null,"derive":null})");
  CAF_CHECK(e->id.empty());
  CAF_CHECK(e->record.empty());
  CAF_CHECK(e->derive);
  CAF_CHECK_EQUAL(fields(e), "unknown"s);
}

CAF_TEST(record ids are numbers where they are numeric) {
  const std::tuple<const char*, const char*, bool> ids[] = {
      {"0", "0", true},
      {"89011972", "89011972", true},
      {"9007199254740993", "9007199254740993", true}, // a number stays one, with its digits
      {"123456789012345678901234567890", "123456789012345678901234567890", true},
      {R"("89011972")", "89011972", true},
      {R"("0")", "0", true},
      {R"("9007199254740991")", "9007199254740991", true},
      {R"("9007199254740992")", "9007199254740992", false},
      {R"("10000000000000000")", "10000000000000000", false},
      {R"("007")", "007", false},
      {R"("-1")", "-1", false},
      {R"("1.0")", "1.0", false},
      {R"(" 1")", " 1", false},
      {R"("\u0031")", "1", true},
      {R"("5f8e-é")", "5f8e-é", false}};
  for (const auto& [json, text, numeric] : ids) {
    const auto e = good(R"({"entity":"Lead","action":"Create","record_id":)"s + json + "}");
    CAF_CHECK_EQUAL(e->records.at(0).text, std::string{text});
    CAF_CHECK_EQUAL(e->records.at(0).numeric, numeric);
  }
  const auto many = good(R"({"entity":"Lead","action":"Create","record_ids":[3,"x","1"]})");
  CAF_CHECK_EQUAL(many->records.size(), 3U);
  CAF_CHECK_EQUAL(many->records[2].text, "1"s);
}

CAF_TEST(what is wrong is named with its place) {
  const std::string head = minimal;
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"17", "#", "object or an array"},
      {"\"x\"", "#", "object or an array"},
      {"[]", "#", "at least one"},
      {"[1]", "#/0", "must be an object"},
      {"[" + head + "},[]]", "#/1", "must be an object"},
      {"{}", "#", "\"entity\" is missing"},
      {R"({"entity":"Contact","record_id":1})", "#", "\"action\" is missing"},
      {R"({"entity":"Contact","action":"Update"})", "#", "\"record_id\" or \"record_ids\" is missing"},
      {head + R"(,"record_ids":[2]})", "#", "exclude each other"},
      {head + R"(,"foo":1})", "#/foo", "no member"},
      {head + R"(,"Record":{}})", "#/Record", "no member"},
      {"[" + head + "}," + head + "}," + head + "}," + head + R"(,"foo":1}])", "#/3/foo", "no member"},
      {R"({"entity":"contact","action":"Update","record_id":1})", "#/entity", "no entity"},
      {R"({"entity":"person","action":"Update","record_id":1})", "#/entity", "no entity"},
      {R"({"entity":7,"action":"Update","record_id":1})", "#/entity", "must be a string"},
      {R"({"entity":"Contact","action":"update","record_id":1})", "#/action", "no action"},
      {R"({"entity":"Contact","action":"Won","record_id":1})", "#/action", "has no action Won"},
      {R"({"entity":"Activity","action":"OwnerChanged","record_id":1})", "#/action", "has no action"},
      {R"({"entity":"Note","action":"DocumentLinked","record_id":1})", "#/action", "has no action"},
      {R"({"entity":"Contact","action":"Update","record_id":1.5})", "#/record_id", "integer"},
      {R"({"entity":"Contact","action":"Update","record_id":-1})", "#/record_id", "integer"},
      {R"({"entity":"Contact","action":"Update","record_id":1e3})", "#/record_id", "integer"},
      {R"({"entity":"Contact","action":"Update","record_id":""})", "#/record_id", "1 to 256"},
      {R"({"entity":"Contact","action":"Update","record_id":"a\nb"})", "#/record_id", "control"},
      {R"({"entity":"Contact","action":"Update","record_id":")" + std::string(257, 'x') + "\"}",
       "#/record_id", "256"},
      {R"({"entity":"Contact","action":"Update","record_id":true})", "#/record_id", "string or a number"},
      {R"({"entity":"Contact","action":"Update","record_id":[1]})", "#/record_id", "string or a number"},
      {R"({"entity":"Contact","action":"Update","record_ids":1})", "#/record_ids", "must be an array"},
      {R"({"entity":"Contact","action":"Update","record_ids":[]})", "#/record_ids", "at least one"},
      {R"({"entity":"Contact","action":"Update","record_ids":[1,null]})", "#/record_ids/1",
       "string or a number"},
      {R"({"entity":"Contact","action":"Update","record_ids":[1,2,"1"]})", "#/record_ids/2", "twice"},
      {R"({"entity":"Contact","action":"Update","record_ids":[1,2],"record":{}})", "#/record", "several"},
      {R"({"entity":"Contact","action":"Update","record_ids":[1,2],"previous":{}})", "#/previous", "several"},
      {head + R"(,"record":[]})", "#/record", "must be an object"},
      {head + R"(,"previous":{},"changes":{}})", "#/previous", "exclude"},
      {head + R"(,"record":{},"previous":{"a":1},"changes":{"a":[1,2]}})", "#/previous", "exclude"},
      {head + R"(,"previous":{"a":1}})", "#/previous", "needs \"record\""},
      {head + R"(,"changes":[]})", "#/changes", "must be an object"},
      {head + R"(,"changes":{"a":1}})", "#/changes/a", "pair"},
      {head + R"(,"changes":{"a":[1]}})", "#/changes/a", "pair"},
      {head + R"(,"changes":{"a":[1,2,3]}})", "#/changes/a", "pair"},
      {head + R"(,"changes":{"a":{"b":[1,2]}}})", "#/changes/a", "pair"},
      {head + R"(,"changes":{"custom_fields":{"7":[1]}}})", "#/changes/custom_fields/7", "pair"},
      {head + R"(,"custom_entity":"CE_Bid"})", "#/custom_entity", "CustomEntity only"},
      {R"({"entity":"CustomEntity","action":"Update","record_id":1,"custom_entity":""})", "#/custom_entity",
       "visible"},
      {head + R"(,"related":"x"})", "#/related", "must be an object"},
      {head + R"(,"included":[]})", "#/included", "must be an object"},
      {head + R"(,"occurred_at":"yesterday"})", "#/occurred_at", "RFC 3339"},
      {head + R"(,"occurred_at":"2024-10-14"})", "#/occurred_at", "RFC 3339"},
      {head + R"(,"occurred_at":1728922554})", "#/occurred_at", "must be a string"},
      {head + R"(,"skip_key":1})", "#/skip_key", "string or an array"},
      {head + R"(,"skip_key":["a",2]})", "#/skip_key/1", "must be a string"},
      {head + R"(,"skip_key":""})", "#/skip_key", "1 to 256"},
      {head + R"(,"derive":"no"})", "#/derive", "must be a boolean"},
      {head + R"(,"id":""})", "#/id", "visible ASCII"},
      {head + R"(,"id":"a b"})", "#/id", "visible ASCII"},
      {head + R"(,"id":"é"})", "#/id", "visible ASCII"},
      {head + R"(,"id":5})", "#/id", "must be a string"},
      {head + R"(,"id":")" + std::string(129, 'x') + "\"}", "#/id", "visible ASCII"},
      {"[" + head + R"(,"id":"a"},)" + head + R"(,"id":"b"},)" + head + R"(,"id":"a"}])", "#/2/id",
       "two events"},
  };
  for (const auto& [body, pointer, detail] : cases) {
    const auto error = bad(body);
    CAF_CHECK(error.what == parse_error::kind::meaning);
    CAF_REQUIRE(!error.errors.empty());
    CAF_CHECK_EQUAL(body + error.errors[0].pointer, body + pointer);
    if (error.errors[0].detail.find(detail) == std::string::npos)
      CAF_FAIL(body << ": " << error.errors[0].detail);
  }
  CAF_CHECK_EQUAL(good(std::string{minimal} + R"(,"id":")" + std::string(128, 'x') + "\"}")->id.size(), 128U);
}

CAF_TEST(malformed bodies are told from wrong ones) {
  for (const char* body : {"", "{", "[{]", R"({"a":1,"a":2})", "\"\xFF\""}) {
    const auto error = bad(body);
    CAF_CHECK(error.what == parse_error::kind::malformed);
    CAF_CHECK(error.detail.find("byte") != std::string::npos);
    CAF_CHECK_EQUAL(error.errors.size(), 1U);
  }
}

CAF_TEST(all errors of a request are told up to a bound) {
  std::string body = "[";
  for (int i = 0; i < 100; ++i)
    body += (i > 0 ? "," : "") + std::string{minimal} + R"(,"foo":1})";
  const auto error = bad(body + "]");
  CAF_CHECK_EQUAL(error.errors.size(), max_told_errors);
  CAF_CHECK_EQUAL(error.errors[49].pointer, "#/49/foo"s);
}

CAF_TEST(the number of events and records is bounded) {
  const auto body = [](int events, int records) {
    std::string out = "[";
    for (int i = 0; i < events; ++i) {
      out += (i > 0 ? "," : "") + R"({"entity":"Lead","action":"Update","record_ids":[)"s;
      for (int r = 0; r < records; ++r)
        out += (r > 0 ? "," : "") + std::to_string(r);
      out += "]}";
    }
    return out + "]";
  };
  parse_error error;
  const event_limits limits{3, 10};
  CAF_CHECK(parse_events(body(3, 3), limits, error).has_value());
  CAF_CHECK(parse_events(body(1, 10), limits, error).has_value());
  auto over = bad(body(4, 1), limits);
  CAF_CHECK(over.what == parse_error::kind::too_many);
  CAF_CHECK(over.detail.find("at most 3 events") != std::string::npos);
  over = bad(body(1, 11), limits);
  CAF_CHECK(over.what == parse_error::kind::too_many);
  CAF_CHECK(over.detail.find("at most 10 record ids") != std::string::npos);
  over = bad(body(2, 6), limits);
  CAF_CHECK(over.what == parse_error::kind::too_many);
  CAF_CHECK(parse_events(body(1000, 10), {}, error).has_value());
  CAF_CHECK(parse_events(body(1, 10'000), {}, error).has_value());
  CAF_CHECK(bad(body(1001, 1)).what == parse_error::kind::too_many);
  CAF_CHECK(bad(body(1, 10'001)).what == parse_error::kind::too_many);
}

CAF_TEST(one object and an array of one differ only in form) {
  parse_error error;
  const auto text = std::string{minimal} + "}";
  CAF_CHECK(!parse_events(text, {}, error)->was_array);
  CAF_CHECK(parse_events("[" + text + "]", {}, error)->was_array);
  CAF_CHECK(parse_events(text, {}, error)->events[0]->digest ==
            parse_events("[ " + text + " ]", {}, error)->events[0]->digest);
}

CAF_TEST(changed fields come from changes or from the difference) {
  const std::string head = minimal;
  const std::pair<std::string, std::string> cases[] = {
      {head + "}", "unknown"},
      {head + R"(,"record":{"a":1}})", "unknown"},
      {head + R"(,"changes":{}})", ""},
      {head + R"(,"changes":{"b":[1,2],"a":[null,"x"]}})", "b;a;"},
      {head + R"(,"changes":{"custom_fields":{"9":[1,2],"7":[1,2]},"z":[1,2]}})",
       "custom_fields.9;custom_fields.7;z;"},
      {head + R"(,"changes":{"custom_fields":[1,2]}})", "custom_fields;"},
      {head + R"(,"record":{"a":1,"b":2},"previous":{"a":1,"b":3}})", "b;"},
      {head + R"(,"record":{"a":1.0,"s":"A"},"previous":{"s":"\u0041","a":1}})", ""},
      {head + R"(,"record":{"a":1,"n":null},"previous":{}})", "a;"},
      {head + R"(,"record":{},"previous":{"a":1,"n":null}})", "a;"},
      {head +
           R"(,"record":{"custom_fields":{"1":"x","2":"y"}},"previous":{"custom_fields":{"1":"x","2":"z"}}})",
       "custom_fields.2;"},
      {head + R"(,"record":{"custom_fields":{"1":"x"}},"previous":{}})", "custom_fields.1;"},
      {head + R"(,"record":{"custom_fields":[{"custom_field_definition_id":5,"value":2}]},)"
              R"("previous":{"custom_fields":[{"custom_field_definition_id":5,"value":1},)"
              R"({"custom_field_definition_id":6,"value":null}]}})",
       "custom_fields.5;"},
      {head + R"(,"record":{"custom_fields":"x"},"previous":{"custom_fields":"y"}})", "custom_fields;"},
      {R"({"entity":"Lead","action":"Update","record_ids":[1,2],"changes":{"a":[1,2]}})", "a;"}};
  for (const auto& [body, expected] : cases)
    CAF_CHECK_EQUAL(body + fields(good(body)), body + expected);
}

CAF_TEST(an update also counts as what its changes mean) {
  const std::pair<std::string, std::string> cases[] = {
      {update("Opportunity", R"({"name":[1,2]})"), "Update;"},
      {update("Opportunity", R"({"step_id":[1,2]})"), "Update;Move;"},
      {update("Opportunity", R"({"owner_id":[1,2]})"), "Update;OwnerChanged;"},
      {update("Opportunity", R"({"status":[1,2]})"), "Update;Lost;"},
      {update("Opportunity", R"({"status":[1,3]})"), "Update;Won;"},
      {update("Opportunity", R"({"status":[3,1]})"), "Update;"},
      {update("Opportunity", R"({"status":["Open","Won"]})"), "Update;Won;"},
      {update("Opportunity", R"({"status":["Open","lost"]})"), "Update;Lost;"},
      {update("Opportunity", R"({"step_id":[1,2],"owner_id":[1,2],"status":[1,3]})"),
       "Update;OwnerChanged;Move;Won;"},
      {update("Opportunity", R"({"step_id":[1,2]})", R"(,"derive":false)"), "Update;"},
      {update("Lead", R"({"status":[1,2],"step_id":[1,2]})"), "Update;Lost;"},
      {update("Lead", R"({"status":["a","Won"]})"), "Update;"},
      {update("Quote", R"({"status":["a","Won"]})"), "Update;Won;"},
      {update("Contact", R"({"status":[1,2],"step_id":[1,2],"owner_id":[1,2]})"), "Update;OwnerChanged;"},
      {update("Note", R"({"owner_id":[1,2]})"), "Update;"},
      {update("Contact", R"({"custom_fields":{"owner_id":[1,2]}})"), "Update;"},
      {R"({"entity":"Opportunity","action":"Update","record_id":1,"record":{"status":3},"previous":{"status":1}})",
       "Update;Won;"},
      {R"({"entity":"Opportunity","action":"Create","record_id":1,"changes":{"step_id":[null,1]}})",
       "Create;"},
      {R"({"entity":"Opportunity","action":"Won","record_id":1})", "Won;"}};
  for (const auto& [body, expected] : cases)
    CAF_CHECK_EQUAL(body + actions(good(body)), body + expected);
}

CAF_TEST(every name is known by itself) {
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < entity_count; ++i) {
    const auto e = static_cast<entity>(i);
    CAF_CHECK(parse_entity(to_string(e)) == e);
    for (std::size_t j = 0; j < action_count; ++j) {
      const auto a = static_cast<action>(j);
      CAF_CHECK(parse_action(to_string(a)) == a);
      pairs += has_action(e, a) ? 1 : 0;
    }
  }
  // 4 × 5, Opportunity 9, Quote 8, Lead 7, 2 × 6, 2 × 4, Memo 5, 14 × 3, Activity 3
  CAF_CHECK_EQUAL(pairs, 20U + 9 + 8 + 7 + 12 + 8 + 5 + 42 + 3);
  CAF_CHECK(!parse_entity("Activities"));
  CAF_CHECK(!parse_entity(""));
  CAF_CHECK(!parse_action("*"));
}
