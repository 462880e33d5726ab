#define CAF_SUITE pipeliner
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/hash.hpp"
#include "domain/dialects/pipeliner_options.hpp"
#include "domain/json_gate.hpp"
#include "domain/matching.hpp"
#include "domain/notification_body.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

constexpr wall_time accepted{std::chrono::milliseconds{1728922554893}};

subscription webhook(std::vector<std::string> events, std::string options = "{}") {
  subscription s;
  s.speaks = dialect::pipeliner;
  s.target = "https://a.example/hook";
  s.pipeliner.uuid = "0b8c6f3e-0000-4000-8000-000000000001";
  s.pipeliner.application_id = "0b8c6f3e-0000-4000-8000-0000000000aa";
  s.pipeliner.events = std::move(events);
  s.pipeliner.options = std::move(options);
  return s;
}

event_ptr make(const std::string& entity_name, const std::string& how, const std::string& more = "") {
  const auto text =
      R"({"entity":")" + entity_name + R"(","action":")" + how + R"(","record_id":"r-1")" + more + "}";
  auto e = parse_stored_event(text);
  if (!e)
    CAF_FAIL("no event: " << text);
  return e;
}

std::string reason(const subscription& s, const event_ptr& e) {
  const auto result = compiled_subscription{s}.match(*e, {});
  return std::string{to_string(result.reason)} + (result.path.empty() ? "" : ":" + result.path) +
         (result.reason == match_reason::matched ? ":" + std::string{to_string(result.as)} : "");
}

rendered_body render(const subscription& s, const event_ptr& e, secrets how = secrets::shown) {
  const compiled_subscription c{s};
  const body_part only{e, 0, static_cast<std::uint32_t>(e->records.size()), e->how, accepted};
  auto result = render_body(c, "acme", {&only, 1}, how);
  CAF_CHECK(!check_json(result.body));
  return result;
}

/// The `entity` or `related_entity` of the first item, as its bytes.
std::string member(const subscription& s, const event_ptr& e, const char* name) {
  const auto body = render(s, e).body;
  const auto related = body.find("]},\"related_entity\":") + 20; // behind the webhook's events
  const auto entity_at = body.find(",\"entity\":", related);
  return std::string{name} == "entity" ? body.substr(entity_at + 10, body.size() - entity_at - 12)
                                       : body.substr(related, entity_at - related);
}

} // namespace

CAF_TEST(event names and wildcards) {
  const std::tuple<std::vector<std::string>, const char*, const char*, bool> cases[] = {
      {{"*"}, "Contact", "Create", true},
      {{"*"}, "QuoteContactRelation", "Delete", true},
      {{"*"}, "Activity", "Create", false},
      {{"Contact.*"}, "Contact", "OwnerChanged", true},
      {{"Contact.*"}, "Account", "Create", false},
      {{"Opportunity.Won"}, "Opportunity", "Won", true},
      {{"Opportunity.Won"}, "Opportunity", "Lost", false},
      {{"Task.Comment", "Note.Delete"}, "Note", "Delete", true},
      {{"Task.Comment", "Note.Delete"}, "Note", "Update", false}};
  for (const auto& [events, entity_name, how, matches] : cases)
    CAF_CHECK_EQUAL(compiled_subscription{webhook(events)}.match(*make(entity_name, how), {}).reason ==
                        match_reason::matched,
                    matches);
  for (const char* name :
       {"", "**", "*.*", "*.Create", "Contact", "Contact.", "Contact.Won", "Activity.*", "Activity.Create",
        "contact.Create", "Contact.create", "Contact.Create.x", ".Create", "Foo.*"}) {
    wanted_actions wanted{};
    CAF_CHECK(!add_pipeliner_event(name, wanted));
    CAF_CHECK(wanted == wanted_actions{});
  }
}

CAF_TEST(derived actions match under their own name) {
  const auto won = make("Opportunity", "Update", R"(,"changes":{"status":[1,3],"owner_id":["a","b"]})");
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.Won"}), won), "matched:Won"s);
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.OwnerChanged"}), won), "matched:OwnerChanged"s);
  CAF_CHECK_EQUAL(reason(webhook({"*"}), won), "matched:Update"s);
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.Lost"}), won), "action"s);
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.Won"}),
                         make("Opportunity", "Update", R"(,"changes":{"status":[1,3]},"derive":false)")),
                  "action"s);
  const auto gated = R"({"entity":{"Opportunity":{"on-field-change":["name"]}}})";
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.Update"}, gated), won), "field-unchanged:name"s);
  CAF_CHECK_EQUAL(reason(webhook({"Opportunity.Update", "Opportunity.Won"}, gated), won), "matched:Won"s);
  CAF_CHECK_EQUAL(reason(webhook({"*"}, gated), make("Opportunity", "Create")), "matched:Create"s);
}

CAF_TEST(options decide per entity) {
  const auto s = webhook(
      {"*"},
      R"({"entity":{"Opportunity":{"filter":{"status":"Open"}},"CE_Bid":{"filter":{"n":"5"},"filter-op":{"n":"gt"}}},)"
      R"("skip_keys":["mine"],"custom_entity_api_name":["CE_Bid","CE_Other"]})");
  CAF_CHECK_EQUAL(reason(s, make("Opportunity", "Create", R"(,"record":{"status":1})")), "matched:Create"s);
  CAF_CHECK_EQUAL(reason(s, make("Opportunity", "Create", R"(,"record":{"status":2})")),
                  "filter:entity.Opportunity.filter.status"s);
  CAF_CHECK_EQUAL(reason(s, make("Opportunity", "Delete")), "filter:entity.Opportunity.filter.status"s);
  CAF_CHECK_EQUAL(reason(s, make("Contact", "Create")), "matched:Create"s);
  CAF_CHECK_EQUAL(reason(s, make("Contact", "Create", R"(,"skip_key":"mine")")), "skip-key"s);
  CAF_CHECK_EQUAL(reason(s, make("CustomEntity", "Create", R"(,"custom_entity":"CE_Bid","record":{"n":6})")),
                  "matched:Create"s);
  CAF_CHECK_EQUAL(reason(s, make("CustomEntity", "Create", R"(,"custom_entity":"CE_Bid","record":{"n":5})")),
                  "filter:entity.CE_Bid.filter.n"s);
  CAF_CHECK_EQUAL(reason(s, make("CustomEntity", "Create", R"(,"custom_entity":"CE_Other")")),
                  "matched:Create"s);
  CAF_CHECK_EQUAL(reason(s, make("CustomEntity", "Create", R"(,"custom_entity":"CE_No")")),
                  "custom-entity:custom_entity_api_name"s);
  CAF_CHECK_EQUAL(reason(s, make("CustomEntity", "Create")), "custom-entity:custom_entity_api_name"s);
  CAF_CHECK_EQUAL(
      reason(webhook({"CustomEntity.*"}), make("CustomEntity", "Create", R"(,"custom_entity":"CE_No")")),
      "matched:Create"s);
  auto native = webhook({"*"});
  native.filter = R"({"a":1})";
  CAF_CHECK_EQUAL(reason(native, make("Contact", "Create", R"(,"record":{"a":2})")), "filter:a"s);
}

CAF_TEST(options are refused by path) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", ""},
      {"", ""},
      {R"({"foo":1})", "foo"},
      {R"({"chunk_size":0})", "chunk_size"},
      {R"({"chunk_size":101})", "chunk_size"},
      {R"({"chunk_size":"5"})", "chunk_size"},
      {R"({"chunk_size":5.0})", "chunk_size"},
      {R"({"chunk_delay":-1})", "chunk_delay"},
      {R"({"chunk_delay":3601})", "chunk_delay"},
      {R"({"entity":[]})", "entity"},
      {R"({"entity":{"Foo":{}}})", "entity.Foo"},
      {R"({"entity":{"Activity":{}}})", "entity.Activity"},
      {R"({"entity":{"Contact":1}})", "entity.Contact"},
      {R"({"entity":{"Contact":{"foo":1}}})", "entity.Contact.foo"},
      {R"({"entity":{"Contact":{"filter":{"a":[]}}}})", "entity.Contact.filter.a"},
      {R"({"entity":{"Contact":{"filter":{"a":1},"filter-op":{"a":"like"}}}})", "entity.Contact.filter.a"},
      {R"({"entity":{"Contact":{"filter-op":{"b":"eq"}}}})", "entity.Contact.filter.b"},
      {R"({"entity":{"Note":{"on-field-change":["a"]}}})", "entity.Note.on-field-change"},
      {R"({"entity":{"Contact":{"on-field-change":[1]}}})", "entity.Contact.on-field-change"},
      {R"({"entity":{"Contact":{"expand":["a..b"]}}})", "entity.Contact.expand"},
      {R"({"entity":{"Contact":{"load-only":5}}})", "entity.Contact.load-only"},
      {R"({"related_entity":{"filter":{}}})", "related_entity.filter"},
      {R"({"skip_keys":5})", "skip_keys"},
      {R"({"custom_entity_api_name":[""]})", "custom_entity_api_name"}};
  for (const auto& [json, path] : cases) {
    std::vector<option_fault> faults;
    CAF_CHECK(!compile_pipeliner_options(json, faults));
    CAF_REQUIRE(!faults.empty());
    CAF_CHECK_EQUAL(json + faults[0].path, json + std::string{path});
  }
  for (
      const char* json :
      {"{}", R"({"chunk_size":1,"chunk_delay":3600})", R"({"chunk_size":100,"chunk_delay":0})",
       R"({"skip_keys":"one"})",
       R"({"entity":{"Contact":{"expand":"owner, account.owner","load_only":["name"]},"CE_Bid":{"on-field-change":["x"]}}})",
       R"({"related_entity":{"expand":["contact"],"load-only":"name"}})"}) {
    std::vector<option_fault> faults;
    CAF_CHECK(compile_pipeliner_options(json, faults).has_value());
    CAF_CHECK(faults.empty());
  }
  const compiled_subscription c{webhook({"*"}, R"({"chunk_size":7,"chunk_delay":60})")};
  CAF_CHECK_EQUAL(records_per_notification(c), 7U);
  CAF_CHECK_EQUAL(chunk_delay(c), 60U);
  CAF_CHECK_EQUAL(records_per_notification(compiled_subscription{webhook({"*"})}), 100U);
}

CAF_TEST(the body is an array of items with ten webhook keys) {
  auto s = webhook({"Account.*"}, R"({ "chunk_size" : 5 })");
  s.insecure_ssl = true;
  s.created = accepted;
  const auto body =
      render(s, make("Account", "Update", R"(,"record":{"id":"r-1","v":{"base_value":1.50}})")).body;
  CAF_CHECK_EQUAL(
      body,
      R"([{"event":"Account.Update","event_time":"2024-10-14 16:15:54.893000+00:00","team_space_id":"acme",)"
      R"("webhook":{"id":"0b8c6f3e-0000-4000-8000-000000000001","insecure_ssl":true,"options":{ "chunk_size" : 5 },)"
      R"("url":"https://a.example/hook","is_deleted":false,"created":"2024-10-14 16:15:54.893000+00:00",)"
      R"("modified":"1970-01-01 00:00:00.000000+00:00","application_id":"0b8c6f3e-0000-4000-8000-0000000000aa",)"
      R"("client_id":null,"events":["Account.*"]},"related_entity":null,"entity":{"id":"r-1","v":{"base_value":1.50}}}])"s);
  const auto came =
      render(s, make("Account", "Delete", R"(,"occurred_at":"2026-02-05 00:13:56.718423+00:00")")).body;
  CAF_CHECK(came.find(R"("event_time":"2026-02-05 00:13:56.718423+00:00")") != std::string::npos);
  CAF_CHECK(came.find(R"("entity":{"id":"r-1"}})") != std::string::npos);
  const compiled_subscription c{s};
  const auto many =
      parse_stored_event(R"({"entity":"Account","action":"Update","record_ids":["a","b","c"]})");
  const body_part parts[] = {{many, 1, 2, action::Update, accepted},
                             {make("Account", "Create"), 0, 1, action::Create, accepted}};
  const auto json = nlohmann::json::parse(render_body(c, "acme", parts, secrets::shown).body);
  CAF_REQUIRE_EQUAL(json.size(), 3U);
  CAF_CHECK_EQUAL(json[0]["entity"]["id"].get<std::string>(), "b"s);
  CAF_CHECK_EQUAL(json[1]["entity"]["id"].get<std::string>(), "c"s);
  CAF_CHECK_EQUAL(json[2]["event"].get<std::string>(), "Account.Create"s);
  for (const auto& item : json)
    CAF_CHECK_EQUAL(item["webhook"].size(), 10U);
}

CAF_TEST(the signature covers the body) {
  auto s = webhook({"*"});
  CAF_CHECK(render(s, make("Contact", "Create")).headers.empty());
  s.pipeliner.signature = "5f0c9b0e-1111-4222-8333-444455556666";
  const auto shown = render(s, make("Contact", "Create"));
  CAF_REQUIRE_EQUAL(shown.headers.size(), 1U);
  CAF_CHECK_EQUAL(shown.headers[0].first, "WebHook-Signature"s);
  CAF_CHECK_EQUAL(shown.headers[0].second, carillon::crypto::to_hex(carillon::crypto::hmac_sha256(
                                               *s.pipeliner.signature, shown.body)));
  const auto masked = render(s, make("Contact", "Create"), secrets::masked);
  CAF_CHECK_EQUAL(masked.headers[0].second, "***"s);
  CAF_CHECK(masked.body.find(*s.pipeliner.signature) == std::string::npos);
}

CAF_TEST(expand and load only shape the entity) {
  const auto e = make(
      "Contact", "Update",
      R"(,"record":{"id":"r-1","name":"J\u00f6","owner":"https://h/e/Clients/7","owner_id":"7","n":1.50,)"
      R"("unset":null,"tasks":["https://h/e/Tasks/1","https://h/e/Tasks/2"],"v":{"id":9,"a":1,"b":{"c":2}}},)"
      R"("included":{"Client/7":{"id":"7","first":"A","boss":"https://h/e/Clients/8"},)"
      R"("Client/8":{"id":"8","first":"B"},"https://h/e/Tasks/1":{"id":"1","t":1}})");
  const auto shaped = [&](const std::string& options) {
    return member(webhook({"*"}, R"({"entity":{"Contact":)" + options + "}}"), e, "entity");
  };
  CAF_CHECK_EQUAL(shaped("{}"), std::string{e->record});
  CAF_CHECK_EQUAL(shaped(R"({"load-only":["name"]})"), R"({"id":"r-1","name":"J\u00f6"})"s);
  CAF_CHECK_EQUAL(shaped(R"({"load_only":["n","v.b"]})"),
                  R"({"id":"r-1","n":1.50,"v":{"id":9,"b":{"c":2}}})"s);
  CAF_CHECK_EQUAL(shaped(R"({"load-only":["owner"],"expand":["owner"]})"),
                  R"({"id":"r-1","owner":{"id":"7","first":"A","boss":"https://h/e/Clients/8"}})"s);
  CAF_CHECK_EQUAL(shaped(R"({"load-only":["owner.boss.first"],"expand":["owner.boss"]})"),
                  R"({"id":"r-1","owner":{"id":"7","boss":{"id":"8","first":"B"}}})"s);
  CAF_CHECK_EQUAL(shaped(R"({"load-only":["tasks","unset"],"expand":["tasks","unset","nothing"]})"),
                  R"({"id":"r-1","unset":null,"tasks":[{"id":"1","t":1},"https://h/e/Tasks/2"]})"s);
  const auto all = shaped(R"({"expand":["owner"]})");
  auto expected = nlohmann::json::parse(e->record);
  expected["owner"] = nlohmann::json::parse(R"({"id":"7","first":"A","boss":"https://h/e/Clients/8"})");
  CAF_CHECK(nlohmann::json::parse(all) == expected);
}

CAF_TEST(related entities are the event 's or the record' s relations) {
  const auto plain = webhook({"*"});
  const auto expanding =
      webhook({"*"}, R"({"related_entity":{"expand":["contact","items.product","none"]}})");
  const auto linked = make("Contact", "DocumentLinked",
                           R"(,"related":{"id":"d","file":"x"},"record":{"contact":"https://h/Contacts/1"})");
  CAF_CHECK_EQUAL(member(plain, linked, "related_entity"), R"({"id":"d","file":"x"})"s);
  CAF_CHECK_EQUAL(member(expanding, linked, "related_entity"), R"({"id":"d","file":"x"})"s);
  CAF_CHECK_EQUAL(
      member(webhook({"*"}, R"({"related_entity":{"load-only":["file2"]}})"), linked, "related_entity"),
      R"({"id":"d"})"s);
  const auto opportunity = make(
      "Opportunity", "Update",
      R"(,"record":{"contact":"https://h/Contacts/1","items":[{"id":1,"product":"https://h/Products/5"}]},)"
      R"("included":{"Contact/1":{"id":"1"},"Product/5":{"id":"5"}})");
  CAF_CHECK_EQUAL(member(plain, opportunity, "related_entity"), "null"s);
  CAF_CHECK_EQUAL(member(expanding, opportunity, "related_entity"),
                  R"({"contact":{"id":"1"},"items":[{"id":1,"product":{"id":"5"}}],"none":null})"s);
  CAF_CHECK_EQUAL(member(expanding, make("Opportunity", "Update"), "related_entity"), "null"s);
}

CAF_TEST(expanding is bounded) {
  const std::string big(100'000, 'x');
  std::string list = "[";
  for (int i = 0; i < 2'000; ++i)
    list += (i > 0 ? ",\"" : "\"") + "https://h/Tasks/1\""s;
  const auto e = make("Contact", "Update",
                      ",\"record\":{\"tasks\":" + list + R"(]},"included":{"Task/1":{"t":")" + big + "\"}}");
  const auto body = render(webhook({"*"}, R"({"entity":{"Contact":{"expand":["tasks"]}}})"), e).body;
  CAF_CHECK(body.size() > max_expanded_bytes - big.size());
  CAF_CHECK(body.size() < max_expanded_bytes + list.size() + 1'000);
}

CAF_TEST(a sample matches its webhook) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"*"}, "{}"},
      {{"Opportunity.Won"}, "{}"},
      {{"Contact.*"}, R"({"entity":{"Contact":{"on-field-change":["email"]}}})"},
      {{"CustomEntity.Update"},
       R"({"custom_entity_api_name":["CE_Bid"],"entity":{"CE_Bid":{"on-field-change":["custom_fields.3"]}}})"},
      {{"Memo.Comment"}, "{}"}};
  for (const auto& [events, options] : cases) {
    const auto s = webhook(events, options);
    const auto e = sample_event(compiled_subscription{s});
    CAF_REQUIRE(e);
    CAF_CHECK(reason(s, e).starts_with("matched:"));
    render(s, e);
  }
}
