#define CAF_SUITE native_subscription
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/json_gate.hpp"
#include "domain/native_subscription.hpp"

#include <nlohmann/json.hpp>

#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

constexpr wall_time now{std::chrono::milliseconds{1728922554893}};

native_patch good(const std::string& body) {
  parse_error error;
  auto patch = parse_native_patch(body, error);
  if (!patch)
    CAF_FAIL(body << ": " << (error.errors.empty() ? error.detail : error.errors[0].detail));
  return *patch;
}

subscription suspended() {
  subscription s;
  s.id = subscription_id{64};
  s.target = "https://a.example/hook";
  s.copper = {"person", "new", string_pairs{{"token", "plain-secret"}},
              string_pairs{{"X-Key", "plain-header"}}, true};
  s.filter = R"({ "a":1.50 })";
  s.on_field_change = {"x"};
  s.skip_keys = {"k"};
  s.ordered = true;
  s.description = "d";
  s.signing.current = "plain-signing-key";
  s.status = subscription_status::suspended;
  s.status_reason = "410 from the receiver";
  s.consecutive_failures = 20;
  s.first_failure = now;
  return s;
}

} // namespace

CAF_TEST(a patch says only what it mentions) {
  CAF_CHECK(!good("{}").makes_revision());
  CAF_CHECK(!good("{}").status);
  const auto all = good(
      R"({"status":"paused","description":"d\u00e9","filter":{ "a" : 1.50 },"on_field_change":["a","b.c"],)"
      R"("skip_keys":["k"],"ordered":true})");
  CAF_CHECK(all.status == subscription_status::paused);
  CAF_CHECK_EQUAL(*all.description, "dé"s);
  CAF_CHECK_EQUAL(*all.filter, R"({ "a" : 1.50 })"s);
  CAF_CHECK((*all.on_field_change == std::vector<std::string>{"a", "b.c"}));
  CAF_CHECK((*all.skip_keys == std::vector<std::string>{"k"}));
  CAF_CHECK(*all.ordered);
  CAF_CHECK(all.makes_revision());
  CAF_CHECK(!good(R"({"status":"active"})").makes_revision());
  CAF_CHECK(good(R"({"ordered":false})").makes_revision());
}

CAF_TEST(null resets) {
  const auto p = good(
      R"({"status":null,"description":null,"filter":null,"on_field_change":null,"skip_keys":null,"ordered":null})");
  auto s = suspended();
  apply_native_patch(p, now, s);
  CAF_CHECK(s.status == subscription_status::active);
  CAF_CHECK(s.description.empty());
  CAF_CHECK(s.filter.empty());
  CAF_CHECK(s.on_field_change.empty());
  CAF_CHECK(s.skip_keys.empty());
  CAF_CHECK(!s.ordered);
}

CAF_TEST(a status alone makes no revision) {
  auto s = suspended();
  apply_native_patch(good(R"({"status":"active"})"), now, s);
  CAF_CHECK_EQUAL(s.revision, 1U);
  CAF_CHECK_EQUAL(s.consecutive_failures, 0U);
  CAF_CHECK(!s.first_failure);
  CAF_CHECK(s.status_since == now);
  CAF_CHECK(s.status_reason.empty());
  apply_native_patch(good(R"({"status":"active"})"), now + std::chrono::hours{1}, s);
  CAF_CHECK(s.status_since == now);
  apply_native_patch(good(R"({"status":"paused"})"), now + std::chrono::hours{1}, s);
  CAF_CHECK(s.status_since == now + std::chrono::hours{1});
  CAF_CHECK(!s.status_reason.empty());
  CAF_CHECK(s.modified == wall_time{});
  apply_native_patch(good(R"({"ordered":false})"), now, s);
  CAF_CHECK_EQUAL(s.revision, 2U);
  CAF_CHECK(s.modified == now);
  CAF_CHECK(!s.ordered);
  CAF_CHECK_EQUAL(s.description, "d"s);
}

CAF_TEST(what is wrong is named with its place) {
  std::string many = "[";
  for (int i = 0; i <= 32; ++i)
    many += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\"";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"[]", "#", "object"},
      {R"({"target":"https://x"})", "#/target", "no member"},
      {R"({"id":"1"})", "#/id", "no member"},
      {R"({"status":"suspended"})", "#/status", "\"active\" or \"paused\""},
      {R"({"status":1})", "#/status", "\"active\" or \"paused\""},
      {R"({"description":1})", "#/description", "must be a string"},
      {R"({"description":")" + std::string(1025, 'x') + "\"}", "#/description", "1024"},
      {R"({"filter":"x"})", "#/filter", "must be an object"},
      {R"({"filter":{"a.b":{"like":1}}})", "#/filter/a.b", "unknown operator"},
      {R"({"filter":{"a":{}}})", "#/filter/a", "missing"},
      {R"({"filter":{"a":")" + std::string(17'000, 'x') + "\"}}", "#/filter", "16384"},
      {R"({"on_field_change":"a"})", "#/on_field_change", "must be an array"},
      {R"({"on_field_change":["a",1]})", "#/on_field_change/1", "must be a string"},
      {R"({"on_field_change":["a","a"]})", "#/on_field_change/1", "twice"},
      {R"({"on_field_change":[""]})", "#/on_field_change/0", "1 to 256"},
      {R"({"skip_keys":[""]})", "#/skip_keys/0", "1 to 256"},
      {R"({"skip_keys":)" + many + "]}", "#/skip_keys", "more than 32"},
      {R"({"ordered":"yes"})", "#/ordered", "must be a boolean"}};
  for (const auto& [body, pointer, detail] : cases) {
    parse_error error;
    CAF_CHECK(!parse_native_patch(body, error));
    CAF_CHECK(error.what == parse_error::kind::meaning);
    CAF_REQUIRE(!error.errors.empty());
    CAF_CHECK_EQUAL(body + error.errors[0].pointer, body + pointer);
    if (error.errors[0].detail.find(detail) == std::string::npos)
      CAF_ERROR(body << ": " << error.errors[0].detail);
  }
  parse_error error;
  CAF_CHECK(!parse_native_patch("{", error));
  CAF_CHECK(error.what == parse_error::kind::malformed);
  CAF_CHECK(!parse_native_patch(R"({"a":1,"b":2,"ordered":3})", error));
  CAF_CHECK_EQUAL(error.errors.size(), 3U);
}

CAF_TEST(the object shows all but secrets) {
  const auto text = render_native_subscription(suspended());
  CAF_CHECK_EQUAL(
      text, R"({"id":"64","dialect":"copper","target":"https://a.example/hook","status":"suspended",)"
            R"("status_reason":"410 from the receiver","status_since":"1970-01-01T00:00:00.000Z",)"
            R"("consecutive_failures":20,"description":"d","filter":{ "a":1.50 },"on_field_change":["x"],)"
            R"("skip_keys":["k"],"ordered":true,"has_secret":true,"copper":{"type":"person","event":"new",)"
            R"("custom_field_computed_values":true,"headers":{"X-Key":"***"},"secret":{"token":"***"}},)"
            R"("created_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:00.000Z"})"s);
  CAF_CHECK(text.find("plain-") == std::string::npos);
  subscription s;
  s.speaks = dialect::pipeliner;
  s.pipeliner.uuid = "u-1";
  s.pipeliner.events = {"*"};
  s.pipeliner.signature = "plain-signature";
  const auto other = render_native_subscription(s);
  CAF_CHECK(!check_json(other));
  CAF_CHECK(other.find("plain-") == std::string::npos);
  const auto json = nlohmann::json::parse(other);
  CAF_CHECK(json.at("filter").is_null());
  CAF_CHECK(json.at("status_reason").is_null());
  CAF_CHECK(!json.at("has_secret").get<bool>());
  CAF_CHECK_EQUAL(json.at("pipeliner").at("id").get<std::string>(), "u-1"s);
}
