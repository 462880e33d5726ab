#define CAF_SUITE filter
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/filter.hpp"
#include "domain/text_fold.hpp"

#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

event_ptr make(const std::string& members, const char* entity_name = "Opportunity",
               const char* how = "Update") {
  const auto text = R"({"entity":")" + std::string{entity_name} + R"(","action":")" + how +
                    "\",\"record_id\":1" + (members.empty() ? "" : ",") + members + "}";
  auto e = parse_stored_event(text);
  if (!e)
    CAF_FAIL("no event: " << text);
  return e;
}

filter compiled(const std::string& json) {
  filter_fault fault;
  auto result = compile_filter(json, fault);
  if (!result)
    CAF_FAIL(json << ": " << fault.path << ": " << fault.detail);
  return std::move(*result);
}

std::string failing(const std::string& json, const event_ptr& e) {
  const auto f = compiled(json);
  const auto* path = f.failing(*e);
  return path == nullptr ? "" : *path;
}

struct one_case {
  const char* condition; ///< what stands behind "f":
  const char* value;     ///< the record's "f", nullptr: none
  bool holds;
};

} // namespace

CAF_TEST(operators compare by type) {
  // clang-format off
  const one_case cases[] = {
      // eq, plain values and lists
      {R"("a")", R"("a")", true}, {R"("a")", R"("A")", false}, {R"("a")", R"("\u0061")", true},
      {R"("a")", "null", false}, {R"("a")", nullptr, false}, {R"(["a","b"])", R"("b")", true},
      {R"(["a","b"])", R"("c")", false}, {"5", "5", true}, {"5", "5.0", true}, {"5", "50e-1", true},
      {"5", "6", false}, {"5", R"("5")", true}, {R"("5")", "5", true}, {R"("x")", "5", false},
      {"9007199254740993", "9007199254740992", false}, {"true", "true", true}, {"true", "false", false},
      {R"("true")", "true", true}, {"true", "1", false}, {"1", "true", false}, {"true", R"("true")", false},
      {"null", "null", true}, {"null", nullptr, true}, {"null", R"("")", false}, {"null", "0", false},
      {R"([null,"a"])", nullptr, true}, {R"({"eq":"a"})", R"("a")", true}, {R"({"eq":["a","b"]})", R"("b")", true},
      {R"("a")", R"(["b","a"])", true}, {R"("a")", R"(["b"])", false}, {R"("a")", "[]", false},
      {R"("a")", R"({"a":1})", false}, {"\"\"", "\"\"", true},
      // dates are instants
      {R"("2026-02-05")", R"("2026-02-05T00:00:00Z")", true},
      {R"("2026-02-05T01:00:00+01:00")", R"("2026-02-05 00:00:00.000000+00:00")", true},
      {R"("2026-02-05")", R"("2026-02-05T00:00:01Z")", false}, {R"("2026-02-05")", R"("x")", false},
      // ieq, not-eq, not-ieq
      {R"({"ieq":"STRASSE"})", R"("straße")", true}, {R"({"ieq":"ÉCOLE"})", R"("école")", true},
      {R"({"ieq":"ÉCOLE"})", "\"e\xCC\x81" "cole\"", true}, {R"({"ieq":"ΣΊΣΥΦΟΣ"})", R"("σίσυφος")", true},
      {R"({"ieq":"МОСКВА"})", R"("москва")", true}, {R"({"ieq":"a"})", R"("b")", false},
      {R"({"ieq":["x","A"]})", R"("a")", true}, {R"({"eq":"ÉCOLE"})", R"("école")", false},
      {R"({"not-eq":"a"})", R"("b")", true}, {R"({"not-eq":"a"})", R"("a")", false},
      {R"({"not-eq":"a"})", R"("A")", true}, {R"({"not-eq":["a","b"]})", R"("b")", false},
      {R"({"not-eq":["a","b"]})", R"("c")", true}, {R"({"not-eq":"a"})", nullptr, true},
      {R"({"not-eq":"a"})", "null", true}, {R"({"not-eq":5})", "5.0", false}, {R"({"not-eq":"a"})", R"(["a"])", false},
      {R"({"not-eq":null})", nullptr, false}, {R"({"not-eq":null})", "0", true},
      {R"({"not-ieq":"a"})", R"("A")", false}, {R"({"not-ieq":"a"})", R"("B")", true},
      {R"({"not-ieq":"ß"})", R"("SS")", false},
      // parts of texts
      {R"({"contains":"bc"})", R"("abcd")", true}, {R"({"contains":"BC"})", R"("abcd")", false},
      {R"({"contains":"bc"})", nullptr, false}, {R"({"contains":"b"})", R"(["a","abc"])", true},
      {R"({"contains":["x","d"]})", R"("abcd")", true}, {R"({"contains":"12"})", "3124", true},
      {R"({"contains":"a"})", "true", false}, {R"({"starts":"ab"})", R"("abcd")", true},
      {R"({"starts":"bc"})", R"("abcd")", false}, {R"({"starts":"abcde"})", R"("abcd")", false},
      {R"({"ends":"cd"})", R"("abcd")", true}, {R"({"ends":"ab"})", R"("abcd")", false},
      {R"({"icontains":"ÜR"})", R"("zürich")", true}, {R"({"icontains":"x"})", R"("zürich")", false},
      {R"({"istarts":"ZÜ"})", R"("zürich")", true}, {R"({"istarts":"RICH"})", R"("zürich")", false},
      {R"({"iends":"ICH"})", R"("zürich")", true}, {R"({"iends":"ZÜR"})", R"("zürich")", false},
      // null and empty
      {R"({"null":true})", nullptr, true}, {R"({"null":true})", "null", true}, {R"({"null":true})", R"("")", false},
      {R"({"null":false})", R"("")", true}, {R"({"not-null":true})", "0", true},
      {R"({"not-null":true})", "null", false}, {R"({"not-null":true})", nullptr, false},
      {R"({"not-null":false})", nullptr, true}, {R"({"empty":true})", nullptr, true},
      {R"({"empty":true})", "null", true}, {R"({"empty":true})", R"("")", true}, {R"({"empty":true})", "[ ]", true},
      {R"({"empty":true})", R"(" ")", false}, {R"({"empty":true})", "0", false}, {R"({"empty":true})", "[1]", false},
      {R"({"empty":true})", "false", false}, {R"({"empty":true})", "{}", false},
      {R"({"not-empty":true})", "[1]", true}, {R"({"not-empty":true})", R"("")", false},
      {R"({"not-empty":true})", nullptr, false}, {R"({"empty":false})", R"("x")", true},
      // order
      {R"({"gt":5})", "6", true}, {R"({"gt":5})", "5", false}, {R"({"gt":5})", "10", true}, {R"({"gt":"5"})", "10", true},
      {R"({"gt":5})", R"("10")", true}, {R"({"gt":5})", R"("x")", false}, {R"({"gt":5})", nullptr, false},
      {R"({"gte":5})", "5.0", true}, {R"({"gte":5})", "4.99", false}, {R"({"lt":5})", "-1", true},
      {R"({"lt":5})", "5", false}, {R"({"lt":5})", "null", false}, {R"({"lte":5})", "5", true},
      {R"({"lte":5})", "5.01", false}, {R"({"gt":"b"})", R"("c")", true}, {R"({"gt":"b"})", R"("a")", false},
      {R"({"gt":"2026-02-05"})", R"("2026-02-05T00:00:01Z")", true},
      {R"({"lt":"2026-02-05"})", R"("2026-02-05T00:30:00+01:00")", true},
      {R"({"gt":"2026-02-05"})", R"("no date")", false}, {R"({"gt":true})", "true", false},
      {R"({"gt":9007199254740992})", "9007199254740993", true}, {R"({"gt":5,"lt":7})", "6", true},
      {R"({"gt":5,"lt":7})", "7", false}, {R"({"gt":5})", "[1,9]", true},
      // between
      {R"({"between":[5,7]})", "5", true}, {R"({"between":[5,7]})", "7", true}, {R"({"between":[5,7]})", "7.1", false},
      {R"({"between":[5,7]})", "4", false}, {R"({"between":"5,7"})", "6", true}, {R"({"between":" 5 , 7 "})", "5", true},
      {R"({"between":"5,7"})", "10", false}, {R"({"between":[5,7]})", nullptr, false},
      {R"({"between":["2026-01-01","2026-12-31"]})", R"("2026-06-01T12:00:00Z")", true},
      {R"({"between":"2026-01-01,2026-12-31"})", R"("2027-01-01")", false},
      {R"({"between":["b","d"]})", R"("c")", true}, {R"({"between":[7,5]})", "6", false},
  };
  // clang-format on
  for (const auto& c : cases) {
    const auto json = "{\"f\":"s + c.condition + "}";
    const auto e =
        make(c.value == nullptr ? "\"record\":{\"g\":1}"s : "\"record\":{\"g\":1,\"f\":"s + c.value + "}");
    if ((failing(json, e) == "") != c.holds)
      CAF_ERROR(json << " on " << (c.value == nullptr ? "nothing" : c.value) << " should "
                     << (c.holds ? "" : "not ") << "hold");
    else
      CAF_CHECK(true);
  }
}

CAF_TEST(enum fields match by number and by name) {
  const std::tuple<const char*, const char*, const char*, bool> cases[] = {
      {"Opportunity", R"("Open")", "1", true},
      {"Opportunity", R"("Lost")", "2", true},
      {"Opportunity", R"("Won")", "3", true},
      {"Opportunity", R"("Won")", "1", false},
      {"Opportunity", "1", "1", true},
      {"Opportunity", "1", R"("Open")", true},
      {"Opportunity", "2", R"("Open")", false},
      {"Opportunity", R"("1")", R"("Open")", true},
      {"Opportunity", R"("2")", R"("Open")", false},
      {"Opportunity", R"("Open")", R"("Open")", true},
      {"Opportunity", R"("open")", "1", false},
      {"Opportunity", R"({"ieq":"open"})", "1", true},
      {"Opportunity", R"({"not-eq":"Open"})", "1", false},
      {"Opportunity", R"(["Won","Lost"])", "3", true},
      {"Opportunity", R"({"istarts":"o"})", "1", true},
      {"Opportunity", R"("Open")", "11", false},
      {"Lead", R"("Open")", "1", true},
      {"Lead", R"("Won")", "3", false},
      {"Task", R"("NotStarted")", "1", true},
      {"Task", R"("Deferred")", "5", true},
      {"Contact", R"("Open")", "1", false},
  };
  for (const auto& [entity_name, condition, value, holds] : cases) {
    const auto e = make("\"record\":{\"status\":"s + value + "}", entity_name);
    CAF_CHECK_EQUAL(entity_name + std::string{condition} + value +
                        (failing("{\"status\":"s + condition + "}", e).empty() ? "+" : "-"),
                    entity_name + std::string{condition} + value + (holds ? "+" : "-"));
  }
}

CAF_TEST(dotted paths lead through objects lists and relations) {
  const auto e = make(
      R"("record":{"a":{"b":{"c":1}},"list":[{"x":1},{"x":2}],"contact":"https://h/api/entities/Contacts/7",)"
      R"("account":"urn:acct","company":"https://h/Companies/9","missing":"https://h/Contacts/8",)"
      R"("contacts":["https://h/Contacts/7"],"custom_fields":{"12":"hot"},"v":{"base_value":10.5}},)"
      R"("included":{"Contact/7":{"city":"Wien","boss":"urn:acct"},"urn:acct":{"name":"ACME"},)"
      R"("Company/9":{"name":"Co"}})");
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a.b.c":1})", ""},
      {R"({"a.b.c":2})", "a.b.c"},
      {R"({"a.b.d":{"null":true}})", ""},
      {R"({"a.b.c.d":{"null":true}})", ""},
      {R"({"list.x":2})", ""},
      {R"({"list.x":3})", "list.x"},
      {R"({"contact.city":"Wien"})", ""},
      {R"({"account.name":"ACME"})", ""},
      {R"({"company.name":"Co"})", ""},
      {R"({"contact.boss.name":"ACME"})", ""},
      {R"({"contacts.city":"Wien"})", ""},
      {R"({"missing.city":"Wien"})", "missing.city"},
      {R"({"missing.city":{"null":true}})", ""},
      {R"({"custom_fields.12":"hot"})", ""},
      {R"({"custom_fields.13":"hot"})", "custom_fields.13"},
      {R"({"v.base_value":{"gte":10.5}})", ""},
      {R"({"contact":"https://h/api/entities/Contacts/7"})", ""},
      {R"({"a.b.c":1,"list.x":9,"v":1})", "list.x"},
      {"{}", ""},
  };
  for (const auto& [json, path] : cases)
    CAF_CHECK_EQUAL(json + failing(json, e), json + std::string{path});
  const auto listed = make(R"("record":{"custom_fields":[{"custom_field_definition_id":12,"value":"hot"},)"
                           R"({"custom_field_definition_id":13,"value":[4,5]}]})");
  CAF_CHECK_EQUAL(failing(R"({"custom_fields.12":"hot","custom_fields.13":5})", listed), ""s);
  CAF_CHECK_EQUAL(failing(R"({"custom_fields.12":"cold"})", listed), "custom_fields.12"s);
}

CAF_TEST(without a record the new values count as far as they are told) {
  const auto e = make(R"("changes":{"stage":["a","b"],"v":[null,{"w":2}],"custom_fields":{"12":[1,2]}})");
  CAF_CHECK_EQUAL(failing(R"({"stage":"b","v.w":2,"custom_fields.12":2})", e), ""s);
  CAF_CHECK_EQUAL(failing(R"({"stage":"a"})", e), "stage"s);
  CAF_CHECK_EQUAL(failing(R"({"other":{"null":true}})", e), "other"s);
  CAF_CHECK_EQUAL(failing(R"({"custom_fields.13":{"null":true}})", e), "custom_fields.13"s);
  CAF_CHECK_EQUAL(failing(R"({"stage":{"null":true}})", make("")), "stage"s);
  CAF_CHECK_EQUAL(failing("{}", make("")), ""s);
  CAF_CHECK_EQUAL(failing(R"({"a":{"not-eq":1}})", make("", "Lead", "Delete")), "a"s);
  CAF_CHECK_EQUAL(failing(R"({"a":1})", make(R"("changes":{"a":[0,1]})", "Lead", "Delete")), "a"s);
  CAF_CHECK_EQUAL(failing(R"({"a":1})", make(R"("record":{"a":1})", "Lead", "Delete")), ""s);
  // The record wins over the changes.
  CAF_CHECK_EQUAL(failing(R"({"a":1})", make(R"("record":{"a":1},"changes":{"a":[1,2]})")), ""s);
}

CAF_TEST(bad filters are refused by path) {
  std::string values = "[";
  for (std::size_t i = 0; i <= max_filter_values; ++i)
    values += (i > 0 ? "," : "") + std::to_string(i);
  std::string conditions = "{";
  for (std::size_t i = 0; i <= max_filter_conditions; ++i)
    conditions += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":1";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"[]", "", "object"},
      {"17", "", "object"},
      {"{", "", "object"},
      {"", "", "object"},
      {R"({"a":{}})", "a", "missing"},
      {R"({"a":[]})", "a", "missing"},
      {R"({"a":{"eq":[]}})", "a", "missing"},
      {R"({"b":1,"a.b":{"like":1}})", "a.b", "unknown operator \"like\""},
      {R"({"a":{"EQ":1}})", "a", "unknown operator"},
      {R"({"a":{"not_eq":1}})", "a", "unknown operator"},
      {R"({"a":[[1]]})", "a", "string, a number"},
      {R"({"a":[{"eq":1}]})", "a", "string, a number"},
      {R"({"a":{"eq":{"x":1}}})", "a", "string, a number"},
      {R"({"a":{"null":1}})", "a", "true or false"},
      {R"({"a":{"empty":"yes"}})", "a", "true or false"},
      {R"({"a":{"between":[1]}})", "a", "two values"},
      {R"({"a":{"between":[1,2,3]}})", "a", "two values"},
      {R"({"a":{"between":5}})", "a", "two values"},
      {R"({"a":{"between":"5"}})", "a", "two values"},
      {R"({"a":{"between":"5,6,7"}})", "a", "two values"},
      {R"({"a":{"between":"5,"}})", "a", "missing"},
      {R"({"a":{"gt":null}})", "a", "null"},
      {R"({"":1})", "", "dotted path"},
      {R"({"a..b":1})", "a..b", "dotted path"},
      {R"({".a":1})", ".a", "dotted path"},
      {R"({"a.":1})", "a.", "dotted path"},
      {"{\"a\":" + values + "]}", "a", "more than 200"},
      {conditions + "}", "f64", "more than 64"}};
  for (const auto& [json, path, detail] : cases) {
    filter_fault fault;
    if (compile_filter(json, fault))
      CAF_FAIL("accepted: " << json);
    CAF_CHECK_EQUAL(json + fault.path, json + path);
    if (fault.detail.find(detail) == std::string::npos)
      CAF_ERROR(json << ": " << fault.detail);
  }
}

CAF_TEST(the pipeliner form pairs values with operators) {
  const auto e = make(R"("record":{"a":"Abc","n":7,"e":""})");
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {R"({"a":"Abc"})", "", ""},
      {R"({"a":["x","Abc"],"n":7})", "{}", ""},
      {R"({"a":"abc"})", R"({"a":"ieq"})", ""},
      {R"({"n":[5,9]})", R"({"n":"between"})", ""},
      {R"({"n":"5,9"})", R"({"n":"between"})", ""},
      {"{}", R"({"e":"empty"})", ""},
      {"", R"({"e":"empty","n":"not-null"})", ""},
      {R"({"e":"x"})", R"({"e":"not-empty"})", "e"},
      {R"({"a":"B","n":"7"})", R"({"a":"contains","n":"gt"})", "a"},
      {R"({"n":8})", R"({"n":"lt"})", ""}};
  for (const auto& [values, operators, path] : cases) {
    filter_fault fault;
    const auto f = compile_pipeliner_filter(values, operators, fault);
    CAF_REQUIRE(f.has_value());
    const auto* found = f->failing(*e);
    CAF_CHECK_EQUAL(found == nullptr ? ""s : *found, std::string{path});
  }
  const std::tuple<const char*, const char*, const char*> wrong[] = {{R"({"a":1})", R"({"a":"like"})", "a"},
                                                                     {R"({"a":1})", R"({"b":"eq"})", "b"},
                                                                     {R"({"a":1})", R"({"a":5})", "a"},
                                                                     {R"({"a":[]})", "", "a"},
                                                                     {R"({"a":{}})", "", "a"},
                                                                     {"[]", "", ""},
                                                                     {"{}", "[]", ""},
                                                                     {"{}", R"({"a":3})", "a"}};
  for (const auto& [values, operators, path] : wrong) {
    filter_fault fault;
    CAF_CHECK(!compile_pipeliner_filter(values, operators, fault));
    CAF_CHECK_EQUAL(fault.path, std::string{path});
  }
}

CAF_TEST(a bare record is judged without an event) {
  const auto judge = [](const char* json, std::string_view record) {
    const auto f = compiled(json);
    const auto* path = f.failing(record);
    return path == nullptr ? ""s : *path;
  };
  const auto webhook =
      R"( {"url":"https://a.example/h","insecure_ssl":false,"events":["Account.*","Lead.Lost"],)"
      R"("options":{"chunk_size":5},"application":"https://h/Applications/7","status":1} )"s;
  CAF_CHECK_EQUAL(judge(R"({"url":{"contains":"a.example"},"insecure_ssl":false})", webhook), ""s);
  CAF_CHECK_EQUAL(judge(R"({"events":"Lead.Lost","options.chunk_size":{"lt":6}})", webhook), ""s);
  CAF_CHECK_EQUAL(judge(R"({"insecure_ssl":false,"url":{"iends":"/X"}})", webhook), "url"s);
  CAF_CHECK_EQUAL(judge(R"({"signature":{"null":true}})", webhook), ""s);
  CAF_CHECK_EQUAL(judge(R"({"application.id":7})", webhook), "application.id"s);
  CAF_CHECK_EQUAL(judge(R"({"status":"Open"})", webhook), "status"s);
  CAF_CHECK_EQUAL(judge(R"({"a":{"not-eq":1}})", "{}"), ""s);
  CAF_CHECK_EQUAL(judge("{}", "{}"), ""s);
}

CAF_TEST(the nineteen operators are known) {
  std::size_t count = 0;
  for (const char* name :
       {"eq", "ieq", "not-eq", "not-ieq", "contains", "starts", "ends", "icontains", "istarts", "iends",
        "null", "not-null", "empty", "not-empty", "gt", "gte", "lt", "lte", "between"})
    count += is_filter_operator(name) ? 1 : 0;
  CAF_CHECK_EQUAL(count, 19U);
  CAF_CHECK(!is_filter_operator("like"));
}

CAF_TEST(case folding follows Unicode) {
  CAF_CHECK_EQUAL(fold_case("ABC xyz 1"), "abc xyz 1"s);
  CAF_CHECK_EQUAL(fold_case("Straße"), "strasse"s);
  CAF_CHECK_EQUAL(fold_case("ÀÉÎ"), fold_case("àéî"));
  CAF_CHECK_EQUAL(fold_case("\xEF\xAC\x81"), "fi"s);
  CAF_CHECK_EQUAL(fold_case(""), ""s);
}
