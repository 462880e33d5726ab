#define CAF_SUITE pipeliner_events
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/dialects/pipeliner_options.hpp"
#include "domain/matching.hpp"
#include "domain/notification_body.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

constexpr wall_time accepted{std::chrono::milliseconds{1728922554893}};

/// The dialect's table of events, row by row.
const std::pair<const char*, const char*> table[] = {
    {"Account Contact CustomEntity Project", "Create Update Delete DocumentLinked OwnerChanged"},
    {"Opportunity", "Create Update Delete DocumentLinked OwnerChanged Move Lost Won Qualify"},
    {"Quote", "Create Update Delete DocumentLinked OwnerChanged Move Lost Won"},
    {"Lead", "Create Update Delete DocumentLinked OwnerChanged Lost BackToLead"},
    {"Task Appointment", "Create Update Delete DocumentLinked OwnerChanged Comment"},
    {"Email Message", "Create Update Delete DocumentLinked"},
    {"Memo", "Create Update Delete DocumentLinked Comment"},
    {"Note Product OpptyProductRelation ActivityRelation ContactAccountRelation LeadOpptyAccountRelation "
     "LeadOpptyContactRelation Currency CurrencyExchangeRate CurrencyExchangeRatesList ProductPriceList "
     "ProductPriceListPrice QuoteAccountRelation QuoteContactRelation",
     "Create Update Delete"}};

std::vector<std::string> words(const std::string& text) {
  std::istringstream in{text};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::map<std::string, std::set<std::string>> actions_by_entity() {
  std::map<std::string, std::set<std::string>> result;
  for (const auto& [entities, actions] : table)
    for (const auto& name : words(entities))
      for (const auto& how : words(actions))
        result[name].insert(how);
  return result;
}

/// What a name makes wanted, as "Entity.Action"; nothing when it is refused.
std::set<std::string> wanted_by(const std::string& name) {
  wanted_actions wanted{};
  std::set<std::string> result;
  if (!add_pipeliner_event(name, wanted)) {
    CAF_CHECK(wanted == wanted_actions{});
    return result;
  }
  for (std::size_t e = 0; e < entity_count; ++e)
    for (std::size_t a = 0; a < action_count; ++a)
      if ((wanted[e] & bit(static_cast<action>(a))) != 0)
        result.insert(std::string{to_string(static_cast<entity>(e))} + '.' +
                      std::string{to_string(static_cast<action>(a))});
  CAF_CHECK(!result.empty());
  return result;
}

subscription webhook(std::vector<std::string> events, std::string options = "{}") {
  subscription s;
  s.speaks = dialect::pipeliner;
  s.target = "https://a.example/hook";
  s.created = s.modified = accepted;
  s.pipeliner.uuid = "0b8c6f3e-0000-4000-8000-000000000001";
  s.pipeliner.application_id = "0b8c6f3e-0000-4000-8000-0000000000aa";
  s.pipeliner.events = std::move(events);
  s.pipeliner.options = std::move(options);
  return s;
}

event_ptr make(const std::string& entity_name, const std::string& how, const std::string& more = "") {
  auto e = parse_stored_event(R"({"entity":")" + entity_name + R"(","action":")" + how +
                              R"(","record_id":"r-1")" + more + "}");
  CAF_REQUIRE(e);
  return e;
}

} // namespace

CAF_TEST(exactly the names of the table are events) {
  const auto known = actions_by_entity();
  CAF_CHECK_EQUAL(known.size(), 26U);
  std::set<std::string> every;
  std::size_t accepted_names = 0, refused = 0;
  auto entities = words("Activity Foo contact");
  auto actions =
      words("Create Update Delete DocumentLinked OwnerChanged Move Lost Won Qualify BackToLead Comment "
            "create Created Restore");
  for (const auto& [name, unused] : known)
    entities.push_back(name);
  for (const auto& name : entities) {
    const auto row = known.find(name);
    std::set<std::string> own;
    for (const auto& how : actions) {
      const auto both = name + '.' + how;
      const bool good = row != known.end() && row->second.contains(how);
      CAF_CHECK(wanted_by(both) == (good ? std::set{both} : std::set<std::string>{}));
      if (good)
        own.insert(both);
      ++(good ? accepted_names : refused);
    }
    CAF_CHECK(wanted_by(name + ".*") == own);
    CAF_CHECK(wanted_by(name).empty());
    CAF_CHECK(wanted_by(name + '.').empty());
    every.merge(own);
  }
  CAF_CHECK_EQUAL(accepted_names, 111U);
  CAF_CHECK_EQUAL(refused, 29U * 14 - 111);
  CAF_CHECK_EQUAL(every.size(), 111U);
  CAF_CHECK(wanted_by("*") == every);
  for (const char* name : {"", "*.*", "*.Create", "**", ".", ".Create", " *", "* ", "Contact.Create ",
                           "Contact..Create", "Contact.Create.Update", "Contact.**", "Contact,Create"})
    CAF_CHECK(wanted_by(name).empty());
}

CAF_TEST(updates derive the actions that their entity knows) {
  const auto known = actions_by_entity();
  const std::tuple<const char*, const char*, const char*> changes[] = {
      {"step_id", R"("step_id":["a","b"])", "Move"},
      {"owner_id", R"("owner_id":["a","b"])", "OwnerChanged"},
      {"lost by name", R"("status":["Open","Lost"])", "Lost"},
      {"won by name", R"("status":["Open","won"])", "Won"},
      {"open", R"("status":[2,1])", ""},
      {"status_id", R"("status_id":["Open","Lost"])", ""},
      {"nested", R"("custom_fields":{"owner_id":["a","b"],"step_id":[1,2]})", ""}};
  for (const auto& [name, actions] : known)
    for (const auto& [what, change, derived] : changes)
      for (const std::string how : {"Update", "Create", "Delete"})
        for (const bool derive : {true, false}) {
          const auto e =
              make(name, how, ",\"changes\":{"s + change + "}" + (derive ? "" : ",\"derive\":false"));
          std::set<std::string> expected{how};
          if (how == "Update" && derive && actions.contains(derived))
            expected.insert(derived);
          std::set<std::string> found;
          for (const auto a : actions_of(*e))
            found.emplace(to_string(a));
          if (found != expected)
            CAF_ERROR(name << ' ' << how << ": " << what);
          for (const auto& other : actions) {
            const auto result = compiled_subscription{webhook({name + '.' + other})}.match(*e, {});
            CAF_CHECK_EQUAL(result.reason == match_reason::matched, expected.contains(other));
            if (expected.contains(other))
              CAF_CHECK_EQUAL(std::string{to_string(result.as)}, other);
          }
        }
  // By number only where the number has that name.
  const std::tuple<const char*, const char*, const char*> numbers[] = {
      {"Opportunity", "2", "Lost"}, {"Opportunity", "3", "Won"},
      {"Lead", "2", "Lost"},        {"Lead", "3", ""},
      {"Quote", "2", ""},           {"Task", "2", ""}};
  for (const auto& [name, number, derived] : numbers) {
    const auto actions = actions_of(*make(name, "Update", ",\"changes\":{\"status\":[1,"s + number + "]}"));
    CAF_CHECK_EQUAL(actions.size(), *derived == '\0' ? 1U : 2U);
    CAF_CHECK_EQUAL(std::string{to_string(actions.back())}, *derived == '\0' ? "Update"s : derived);
  }
}

CAF_TEST(an item has exactly its keys and types) {
  using nlohmann::ordered_json;
  const auto keys = [](const ordered_json& object) {
    std::string result;
    for (const auto& member : object.items())
      result += member.key() + ' ';
    return result;
  };
  const auto documented = R"({"entity":{"Account":{"filter":{"a":{"x":1}}}}})";
  for (const std::string options : {"{}", "", R"({"chunk_size":3})", R"( {"skip_keys" : ["k"]} )"})
    for (const char* more : {"", R"(,"record":{"id":"r-1"})", R"(,"related":{"id":"d"},"record":{})"})
      for (const bool deleted : {false, true})
        for (const bool signed_body : {false, true}) {
          auto s = webhook({"Account.*", "*"}, options.empty() ? "{}" : options);
          s.insecure_ssl = deleted;
          if (deleted)
            s.pipeliner.deleted = accepted;
          if (signed_body)
            s.pipeliner.signature = "5f0c9b0e-1111-4222-8333-444455556666";
          const compiled_subscription c{s};
          const auto e = make("Account", "Update", more);
          const body_part part{e, 0, 1, action::Update, accepted};
          const auto body = ordered_json::parse(render_body(c, "acme", {&part, 1}, secrets::shown).body);
          CAF_REQUIRE(body.is_array() && body.size() == 1);
          const auto& item = body[0];
          CAF_CHECK_EQUAL(keys(item), "event event_time team_space_id webhook related_entity entity "s);
          CAF_CHECK(item["event"].is_string() && item["event_time"].is_string());
          CAF_CHECK_EQUAL(item["team_space_id"].get<std::string>(), "acme"s);
          CAF_CHECK(item["related_entity"].is_null() || item["related_entity"].is_object());
          CAF_CHECK(item["entity"].is_object());
          const auto& webhook_item = item["webhook"];
          CAF_CHECK_EQUAL(
              keys(webhook_item),
              "id insecure_ssl options url is_deleted created modified application_id client_id events "s);
          for (const char* text : {"id", "url", "created", "modified", "application_id"})
            CAF_CHECK(webhook_item[text].is_string());
          CAF_CHECK_EQUAL(webhook_item["insecure_ssl"].get<bool>(), deleted);
          CAF_CHECK_EQUAL(webhook_item["is_deleted"].get<bool>(), deleted);
          CAF_CHECK(webhook_item["client_id"].is_null());
          CAF_CHECK(webhook_item["options"].is_object());
          CAF_CHECK(webhook_item["options"] == ordered_json::parse(options.empty() ? "{}" : options));
          CAF_CHECK(webhook_item["events"] == ordered_json({"Account.*", "*"}));
        }
  // What a dialect refuses never gets as far as an item.
  std::vector<option_fault> faults;
  CAF_CHECK(!compile_pipeliner_options(documented, faults));
}

CAF_TEST(paths and lists of options have limits) {
  const auto refused_at = [](const std::string& json) {
    std::vector<option_fault> faults;
    return compile_pipeliner_options(json, faults) ? ""s : faults.front().path;
  };
  const auto path = [](std::size_t segments) {
    std::string result = "a";
    for (std::size_t i = 1; i < segments; ++i)
      result += ".a";
    return result;
  };
  const auto list = [](std::size_t count) {
    std::string result = "a0";
    for (std::size_t i = 1; i < count; ++i)
      result += ",a" + std::to_string(i);
    return result;
  };
  const auto listed = [&](std::size_t count) { // split over entries of at most max_option_path bytes
    std::string result = "[";
    for (std::size_t i = 0; i < count; i += 10)
      result += (i > 0 ? ",\"" : "\"") + list(std::min<std::size_t>(10, count - i)) + '"';
    return result + ']';
  };
  for (const char* option : {"expand", "load-only", "load_only", "on-field-change"}) {
    const auto json = [&](const std::string& value) {
      return R"({"entity":{"Contact":{")"s + option + "\":" + value + "}}}";
    };
    const auto place = "entity.Contact."s + option;
    CAF_CHECK_EQUAL(refused_at(json('"' + path(16) + '"')), ""s);
    CAF_CHECK_EQUAL(refused_at(json('"' + path(17) + '"')), place);
    CAF_CHECK_EQUAL(refused_at(json(listed(max_option_paths))), ""s);
    CAF_CHECK_EQUAL(refused_at(json(listed(max_option_paths + 1))), place);
    CAF_CHECK_EQUAL(refused_at(json('"' + std::string(max_option_path, 'x') + '"')), ""s);
    CAF_CHECK_EQUAL(refused_at(json('"' + std::string(max_option_path + 1, 'x') + '"')), place);
  }
  CAF_CHECK_EQUAL(refused_at(R"({"entity":{"Contact":{"filter":{")" + path(17) + R"(":1}}}})"),
                  "entity.Contact.filter." + path(17));
  const auto value = [](std::size_t size) {
    return R"({"entity":{"Contact":{"filter":{"a":")" + std::string(size, 'x') + R"("}}}})";
  };
  CAF_CHECK_EQUAL(refused_at(value(max_filter_value_bytes - 2)), ""s);
  CAF_CHECK_EQUAL(refused_at(value(max_filter_value_bytes)), "entity.Contact.filter.a"s);
}

CAF_TEST(options are found among many entities) {
  std::string json = R"({"entity":{)";
  for (int i = 299; i >= 0; --i)
    json += "\"CE_" + std::to_string(i) + R"(":{"filter":{"n":)" + std::to_string(i) + "}},";
  json +=
      R"("Note":{"filter":{"n":-1}},"Account":{"filter":{"n":-2}}},"custom_entity_api_name":["CE_7","CE_299","CE_0"]})";
  const compiled_subscription s{webhook({"*"}, json)};
  const auto matched = [&](const std::string& name, const std::string& more) {
    return s.match(*make(name, "Create", more), {}).reason == match_reason::matched;
  };
  CAF_CHECK(matched("Note", R"(,"record":{"n":-1})"));
  CAF_CHECK(!matched("Note", R"(,"record":{"n":-2})"));
  CAF_CHECK(matched("Account", R"(,"record":{"n":-2})"));
  CAF_CHECK(matched("Contact", R"(,"record":{"n":0})"));
  for (const auto& [name, good] : {std::pair{"0", true}, {"7", true}, {"299", true}, {"8", false}}) {
    const auto custom = R"(,"custom_entity":"CE_)"s + name + R"(","record":{"n":)";
    CAF_CHECK_EQUAL(matched("CustomEntity", custom + name + "}"), good);
    CAF_CHECK(!matched("CustomEntity", custom + "1000}"));
  }
  auto skipping = webhook({"*"}, R"({"skip_keys":["z","m","a"]})");
  skipping.skip_keys = {"y", "b"};
  const compiled_subscription both{skipping};
  for (const std::string key : {"a", "b", "m", "y", "z"}) {
    CAF_CHECK(both.match(*make("Contact", "Create", R"(,"skip_key":["q",")" + key + "\"]"), {}).reason ==
              match_reason::skip_key);
    CAF_CHECK(both.match(*make("Contact", "Create"), std::span{&key, 1}).reason == match_reason::skip_key);
  }
  CAF_CHECK(both.match(*make("Contact", "Create", R"(,"skip_key":"c")"), {}).reason == match_reason::matched);
}
