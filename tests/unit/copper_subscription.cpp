#define CAF_SUITE copper_subscription
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/dialects/copper.hpp"
#include "domain/json_gate.hpp"

#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

copper_checks checks() {
  return {[](std::string_view url) -> std::optional<std::string> {
            if (url.starts_with("https://"))
              return std::nullopt;
            return "not https";
          },
          [](std::string_view name, std::string_view) -> std::optional<std::string> {
            if (name == "Host")
              return "is reserved";
            return std::nullopt;
          }};
}

subscription existing() {
  subscription s;
  s.id = subscription_id{17065};
  s.target = "https://a.example/hook";
  s.copper = {"person", "new", string_pairs{{"k", "v"}}, string_pairs{{"X-A", "1"}}, true};
  s.created = wall_time{std::chrono::milliseconds{1489018784999}};
  return s;
}

std::string outcome(const std::string& body, copper_call call, subscription& s) {
  const auto failure = apply_copper_request(body, call, checks(), s);
  return failure ? std::to_string(failure->status) + " " + failure->message : "";
}

std::string outcome(const std::string& body, copper_call call = copper_call::create) {
  auto s = call == copper_call::create ? subscription{} : existing();
  const auto before = render_copper_subscription(s);
  auto result = outcome(body, call, s);
  if (!result.empty())
    CAF_CHECK_EQUAL(render_copper_subscription(s), before); // a refused request changes nothing
  return result;
}

const std::string validation = "422 Invalid input: Validation errors: ";

std::string with(const std::string& more) {
  return R"({"target":"https://a.example/x","type":"lead","event":"new")" + more + "}";
}

} // namespace

CAF_TEST(a full request is taken as it is) {
  subscription s;
  s.id = subscription_id{1};
  s.created = wall_time{std::chrono::milliseconds{1489018784999}};
  CAF_CHECK_EQUAL(
      outcome(R"({"event":"update","headers":{"X-A":"1","x-b":"é"},"secret":{"key":"v\u0001","ids":"mine"},)"
              R"("type":"activity_log","custom_field_computed_values":false,"target":"https://a.example/x"})",
              copper_call::create, s),
      ""s);
  CAF_CHECK_EQUAL(render_copper_subscription(s),
                  R"({"id":1,"target":"https://a.example/x","type":"activity_log","event":"update",)"
                  R"("secret":{"key":"v\u0001","ids":"mine"},"headers":{"X-A":"1","x-b":"é"},)"
                  R"("custom_field_computed_values":false,"created_at":1489018784})"s);
}

CAF_TEST(what was never given is left out) {
  subscription s;
  s.id = subscription_id{2};
  CAF_CHECK_EQUAL(outcome(with(""), copper_call::create, s), ""s);
  const auto plain = R"({"id":2,"target":"https://a.example/x","type":"lead","event":"new","created_at":0})"s;
  CAF_CHECK_EQUAL(render_copper_subscription(s), plain);
  CAF_CHECK_EQUAL(outcome(with(R"(,"secret":null,"headers":null,"custom_field_computed_values":null)"),
                          copper_call::create, s),
                  ""s);
  CAF_CHECK_EQUAL(render_copper_subscription(s), plain);
  CAF_CHECK_EQUAL(outcome(with(R"(,"secret":{})"), copper_call::create, s), ""s);
  CAF_CHECK_EQUAL(
      render_copper_subscription(s),
      R"({"id":2,"target":"https://a.example/x","type":"lead","event":"new","secret":{},"created_at":0})"s);
  CAF_CHECK_EQUAL(render_copper_list({}), "[]"s);
  CAF_CHECK_EQUAL(render_copper_list({&s, &s}),
                  "[" + render_copper_subscription(s) + "," + render_copper_subscription(s) + "]");
  CAF_CHECK_EQUAL(render_copper_deleted(subscription_id{17065}), R"({"id":17065})"s);
}

CAF_TEST(messages are exactly the documented ones) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"url":"https://a.example/x"})",
       validation +
           "Base: Unrecognized attributes specified: url\nTarget: can't be blank\nType: can't be blank\n"
           "Event: can't be blank"},
      {with(R"(,"url":1)"), validation + "Base: Unrecognized attributes specified: url"},
      {with(R"(,"url":1,"foo":2)"), validation + "Base: Unrecognized attributes specified: url, foo"},
      {with(R"(,"id":1)"), validation + "Base: Unrecognized attributes specified: id"},
      {R"({"target":"https://a.example/x","event":"new"})", validation + "Type: can't be blank"},
      {R"({"target":"https://a.example/x","type":"","event":"new"})", validation + "Type: can't be blank"},
      {R"({"target":"https://a.example/x","type":null,"event":"new"})", validation + "Type: can't be blank"},
      {R"({"target":"https://a.example/x","type":"contact","event":"new"})",
       validation + "Type: is not included in the list"},
      {R"({"target":"https://a.example/x","type":7,"event":"new"})",
       validation + "Type: is not included in the list"},
      {R"({"target":"https://a.example/x","type":"lead","event":"created"})",
       validation + "Event: is not included in the list"},
      {R"({"target":"https://a.example/x","type":"lead"})", validation + "Event: can't be blank"},
      {R"({"type":"lead","event":"new"})", validation + "Target: can't be blank"},
      {R"({"target":"","type":"lead","event":"new"})", validation + "Target: can't be blank"},
      {R"({"target":null,"type":"lead","event":"new"})", validation + "Target: can't be blank"},
      {R"({"target":"http://a.example/x","type":"lead","event":"new"})",
       "422 Invalid input: Invalid URI For External Request"},
      {R"({"target":5,"type":"lead","event":"new"})", "422 Invalid input: Invalid URI For External Request"},
      {R"({"target":"http://a.example/x","type":"leads","event":"new"})",
       validation + "Type: is not included in the list"},
      {"[]", validation + "Base: must be an object"},
      {"\"x\"", validation + "Base: must be an object"},
      {with(R"(,"custom_field_computed_values":"yes")"),
       validation + "Custom field computed values: must be a boolean"},
      {with(R"(,"secret":"s")"), validation + "Secret: must be an object of strings"},
      {with(R"(,"secret":["s"])"), validation + "Secret: must be an object of strings"},
      {with(R"(,"secret":{"a":1})"), validation + "Secret: must be an object of strings"},
      {with(R"(,"secret":{"":"x"})"), validation + "Secret: a name must be 1 to 128 bytes"},
      {with(R"(,"secret":{"a":")" + std::string(4097, 'x') + "\"}"),
       validation + "Secret: a is longer than 4096 bytes"},
      {with(R"(,"headers":{"X":true})"), validation + "Headers: must be an object of strings"},
      {with(R"(,"headers":{"Host":"x"})"), validation + "Headers: Host is reserved"},
      {with(R"(,"headers":{"X-A":"a\r\nEvil: 1"})"), validation + "Headers: X-A holds a line break"},
      {with(R"(,"headers":{"X-A":"a\u0000"})"), validation + "Headers: X-A holds a line break"},
      {with(R"(,"headers":{"X-A\n":"a"})"), validation + "Headers: X-A\n holds a line break"},
      {with(R"(,"headers":{"X-A":"1","x-a":"2"})"), validation + "Headers: x-a appears twice"},
  };
  for (const auto& [body, expected] : cases)
    CAF_CHECK_EQUAL(body + outcome(body), body + expected);
  for (const char* body : {"", "{", R"({"type":"lead","type":"task"})", "{'a':1}"})
    CAF_CHECK(outcome(body).starts_with("400 Invalid input: Not valid JSON at byte "));
  CAF_CHECK_EQUAL(
      copper_limit_message(100),
      "Invalid input: Validation errors: Base: the limit of 100 active subscriptions is reached"s);
}

CAF_TEST(pairs are bounded) {
  const auto pairs = [](std::size_t count) {
    std::string out = R"(,"secret":{)";
    for (std::size_t i = 0; i < count; ++i)
      out += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":\"v\"";
    return out + "}";
  };
  CAF_CHECK_EQUAL(outcome(with(pairs(max_copper_pairs))), ""s);
  CAF_CHECK_EQUAL(outcome(with(pairs(max_copper_pairs + 1))),
                  validation + "Secret: has more than 32 entries");
  CAF_CHECK_EQUAL(
      outcome(with(R"(,"secret":{")" + std::string(128, 'k') + R"(":")" + std::string(4096, 'v') + "\"}")),
      ""s);
  CAF_CHECK(!outcome(with(R"(,"secret":{")" + std::string(129, 'k') + R"(":"v"})")).empty());
}

CAF_TEST(a put replaces what is sent and keeps the rest) {
  const std::string head = R"({"id":17065,"target":"https://a.example/hook",)";
  const std::pair<const char*, const char*> cases[] = {
      {"{}",
       R"("type":"person","event":"new","secret":{"k":"v"},"headers":{"X-A":"1"},"custom_field_computed_values":true,)"},
      {R"({"event":"delete"})",
       R"("type":"person","event":"delete","secret":{"k":"v"},"headers":{"X-A":"1"},"custom_field_computed_values":true,)"},
      {R"({"secret":{"z":"1"},"headers":{"X-B":"2"}})",
       R"("type":"person","event":"new","secret":{"z":"1"},"headers":{"X-B":"2"},"custom_field_computed_values":true,)"},
      {R"({"secret":null,"headers":null,"custom_field_computed_values":null})",
       R"("type":"person","event":"new",)"},
      {R"({"type":"task","custom_field_computed_values":false})",
       R"("type":"task","event":"new","secret":{"k":"v"},"headers":{"X-A":"1"},"custom_field_computed_values":false,)"}};
  for (const auto& [body, expected] : cases) {
    auto s = existing();
    CAF_CHECK_EQUAL(outcome(body, copper_call::update, s), ""s);
    CAF_CHECK_EQUAL(render_copper_subscription(s), head + expected + R"("created_at":1489018784})");
  }
  auto s = existing();
  CAF_CHECK_EQUAL(outcome(R"({"target":"https://b.example/"})", copper_call::update, s), ""s);
  CAF_CHECK_EQUAL(s.target, "https://b.example/"s);
  CAF_CHECK_EQUAL(outcome(R"({"target":"ftp://b.example/"})", copper_call::update),
                  "422 Invalid input: Invalid URI For External Request"s);
  CAF_CHECK_EQUAL(outcome(R"({"target":null})", copper_call::update), validation + "Target: can't be blank");
  CAF_CHECK_EQUAL(outcome(R"({"type":null})", copper_call::update), validation + "Type: can't be blank");
}

CAF_TEST(errors have the envelope) {
  CAF_CHECK_EQUAL(render_copper_error(404, copper_not_found),
                  R"({"success":false,"status":404,"message":"Resource not found"})"s);
  CAF_CHECK_EQUAL(render_copper_error(422, "a\n\"b\""),
                  R"({"success":false,"status":422,"message":"a\n\"b\""})"s);
}
