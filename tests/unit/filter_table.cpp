#define CAF_SUITE filter_table
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/filter.hpp"

#include <set>
#include <string>
#include <tuple>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

/// One operator on one type of value, as the dialect describes it. The sign before each record's value says
/// whether the condition holds for it.
struct table_row {
  const char* how;
  const char* type;
  const char* operand;
  const char* match;
  const char* no_match; ///< where an operator doesn't apply to a type, nothing matches
  const char* list;     ///< a list in the record: any element counts
};

// clang-format off
const table_row rows[] = {
    {"eq", "string", R"("Wien")", R"(+"Wien")", R"(-"wien")", R"(+["Graz","Wien"])"},
    {"ieq", "string", R"("WIEN")", R"(+"wien")", R"(-"wie")", R"(+["x","Wien"])"},
    {"not-eq", "string", R"("Wien")", R"(+"wien")", R"(-"Wien")", R"(-["Graz","Wien"])"},
    {"not-ieq", "string", R"("WIEN")", R"(+"Graz")", R"(-"wien")", R"(-["Graz","wien"])"},
    {"contains", "string", R"("ie")", R"(+"Wien")", R"(-"WIEN")", R"(+["x","Wien"])"},
    {"starts", "string", R"("Wi")", R"(+"Wien")", R"(-"in Wien")", R"(+["x","Wien"])"},
    {"ends", "string", R"("en")", R"(+"Wien")", R"(-"Wiener")", R"(+["x","Wien"])"},
    {"icontains", "string", R"("IE")", R"(+"wien")", R"(-"wen")", R"(+["x","Wien"])"},
    {"istarts", "string", R"("WI")", R"(+"wien")", R"(-"in wien")", R"(+["x","wien"])"},
    {"iends", "string", R"("EN")", R"(+"wien")", R"(-"wiener")", R"(+["x","wien"])"},
    {"null", "string", "true", "+null", R"(-"")", "-[]"},
    {"not-null", "string", "true", R"(+"")", "-null", "+[]"},
    {"empty", "string", "true", R"(+"")", R"(-"x")", "+[]"},
    {"not-empty", "string", "true", R"(+"x")", R"(-"")", R"(+["x"])"},
    {"gt", "string", R"("b")", R"(+"c")", R"(-"b")", R"(+["a","c"])"},
    {"gte", "string", R"("b")", R"(+"b")", R"(-"a")", R"(+["a","b"])"},
    {"lt", "string", R"("b")", R"(+"a")", R"(-"b")", R"(+["c","a"])"},
    {"lte", "string", R"("b")", R"(+"b")", R"(-"c")", R"(+["c","b"])"},
    {"between", "string", R"(["b","d"])", R"(+"d")", R"(-"e")", R"(+["a","b"])"},

    {"eq", "number", "10", "+10.0", "-11", "+[9,1e1]"},
    {"ieq", "number", "10", "+10", "-100", "+[9,10]"},
    {"not-eq", "number", "10", "+11", "-10.00", "-[9,10]"},
    {"not-ieq", "number", "10", "+11", "-1e1", "-[9,10]"},
    {"contains", "number", "23", "+1234", "-1324", "+[9,1234]"},
    {"starts", "number", "12", "+1234", "-3124", "+[9,1234]"},
    {"ends", "number", "34", "+1234", "-3412", "+[9,1234]"},
    {"icontains", "number", "23", "+1234", "-1324", "+[9,1234]"},
    {"istarts", "number", "12", "+1234", "-3124", "+[9,1234]"},
    {"iends", "number", "34", "+1234", "-3412", "+[9,1234]"},
    {"null", "number", "true", "+null", "-0", "-[0]"},
    {"not-null", "number", "true", "+0", "-null", "+[0]"},
    {"empty", "number", "true", "+null", "-0", "-[0]"},
    {"not-empty", "number", "true", "+0", "-null", "+[0]"},
    {"gt", "number", "10", "+10.5", "-10", "+[9,11]"},
    {"gte", "number", "10", "+10", "-9.99", "+[9,10]"},
    {"lt", "number", "10", "+9", "-10", "+[10,9]"},
    {"lte", "number", "10", "+10", "-10.01", "+[11,10]"},
    {"between", "number", "[5,7]", "+7", "-7.01", "+[4,5]"},

    {"eq", "boolean", "true", "+true", "-false", "+[false,true]"},
    {"ieq", "boolean", "false", "+false", "-true", "+[true,false]"},
    {"not-eq", "boolean", "true", "+false", "-true", "-[false,true]"},
    {"not-ieq", "boolean", "true", "+false", "-true", "-[false,true]"},
    {"contains", "boolean", "true", "-true", "-false", "-[true]"},
    {"starts", "boolean", "true", "-true", "-false", "-[true]"},
    {"ends", "boolean", "true", "-true", "-false", "-[true]"},
    {"icontains", "boolean", "true", "-true", "-false", "-[true]"},
    {"istarts", "boolean", "true", "-true", "-false", "-[true]"},
    {"iends", "boolean", "true", "-true", "-false", "-[true]"},
    {"null", "boolean", "true", "+null", "-false", "-[false]"},
    {"not-null", "boolean", "true", "+false", "-null", "+[false]"},
    {"empty", "boolean", "true", "+null", "-false", "-[false]"},
    {"not-empty", "boolean", "true", "+false", "-null", "+[false]"},
    {"gt", "boolean", "false", "-true", "-false", "-[true]"},
    {"gte", "boolean", "true", "-true", "-false", "-[true]"},
    {"lt", "boolean", "true", "-true", "-false", "-[false]"},
    {"lte", "boolean", "true", "-true", "-false", "-[true]"},
    {"between", "boolean", "[false,true]", "-true", "-false", "-[true]"},

    {"eq", "date", R"("2026-02-05")", R"(+"2026-02-05")", R"(-"2026-02-06")", R"(+["2026-02-04","2026-02-05"])"},
    {"ieq", "date", R"("2026-02-05")", R"(+"2026-02-05T00:00:00Z")", R"(-"2026-02-05T00:00:01Z")", R"(+["2026-02-05"])"},
    {"not-eq", "date", R"("2026-02-05")", R"(+"2026-02-06")", R"(-"2026-02-05T00:00:00+00:00")", R"(-["2026-02-05"])"},
    {"not-ieq", "date", R"("2026-02-05")", R"(+"2026-02-06")", R"(-"2026-02-05")", R"(-["x","2026-02-05"])"},
    {"contains", "date", R"("6-02-")", R"(+"2026-02-05")", R"(-"2026-03-05")", R"(+["2026-02-05"])"},
    {"starts", "date", R"("2026")", R"(+"2026-02-05")", R"(-"2025-02-05")", R"(+["2026-02-05"])"},
    {"ends", "date", R"("-05")", R"(+"2026-02-05")", R"(-"2026-05-02")", R"(+["2026-02-05"])"},
    {"icontains", "date", R"("6-02-")", R"(+"2026-02-05")", R"(-"2026-03-05")", R"(+["2026-02-05"])"},
    {"istarts", "date", R"("2026")", R"(+"2026-02-05")", R"(-"2025-02-05")", R"(+["2026-02-05"])"},
    {"iends", "date", R"("-05")", R"(+"2026-02-05")", R"(-"2026-05-02")", R"(+["2026-02-05"])"},
    {"null", "date", "true", "+null", R"(-"2026-02-05")", R"(-["2026-02-05"])"},
    {"not-null", "date", "true", R"(+"2026-02-05")", "-null", R"(+["2026-02-05"])"},
    {"empty", "date", "true", "+null", R"(-"2026-02-05")", R"(-["2026-02-05"])"},
    {"not-empty", "date", "true", R"(+"2026-02-05")", R"(-"")", R"(+["2026-02-05"])"},
    {"gt", "date", R"("2026-02-05")", R"(+"2026-02-06")", R"(-"2026-02-05")", R"(+["2026-01-01","2026-03-01"])"},
    {"gte", "date", R"("2026-02-05")", R"(+"2026-02-05")", R"(-"2026-02-04")", R"(+["2026-02-05"])"},
    {"lt", "date", R"("2026-02-05")", R"(+"2026-02-05T00:30:00+01:00")", R"(-"2026-02-05")", R"(+["2026-03-01","2026-02-04"])"},
    {"lte", "date", R"("2026-02-05")", R"(+"2026-02-05")", R"(-"2026-02-06")", R"(+["2026-02-05"])"},
    {"between", "date", R"("2026-02-01,2026-02-28")", R"(+"2026-02-28")", R"(-"2026-03-01")", R"(+["2026-01-01","2026-02-01"])"},

    {"eq", "date-time", R"("2026-02-05T01:00:00+01:00")", R"(+"2026-02-05 00:00:00.000000+00:00")", R"(-"2026-02-05T01:00:00Z")", R"(+["2026-02-05T00:00:00Z"])"},
    {"ieq", "date-time", R"("2026-02-05t00:00:00z")", R"(+"2026-02-05T00:00:00Z")", R"(-"2026-02-05T00:00:01Z")", R"(+["x","2026-02-05T00:00:00Z"])"},
    {"not-eq", "date-time", R"("2026-02-05T00:00:00Z")", R"(+"2026-02-05T00:00:00.5Z")", R"(-"2026-02-05 00:00:00+00:00")", R"(-["2026-02-05T00:00:00Z"])"},
    {"not-ieq", "date-time", R"("2026-02-05T00:00:00Z")", R"(+"2026-02-05T00:01:00Z")", R"(-"2026-02-04T23:00:00-01:00")", R"(-["2026-02-05T00:00:00Z"])"},
    {"contains", "date-time", R"("T12:")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05 12:00:00Z")", R"(+["2026-02-05T12:00:00Z"])"},
    {"starts", "date-time", R"("2026-02-05")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-06T12:00:00Z")", R"(+["2026-02-05T12:00:00Z"])"},
    {"ends", "date-time", R"("Z")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05T12:00:00z")", R"(+["2026-02-05T12:00:00Z"])"},
    {"icontains", "date-time", R"("t12:")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05T13:00:00Z")", R"(+["2026-02-05T12:00:00Z"])"},
    {"istarts", "date-time", R"("2026-02-05t")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05 12:00:00Z")", R"(+["2026-02-05T12:00:00Z"])"},
    {"iends", "date-time", R"("z")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05T12:00:00+00:00")", R"(+["2026-02-05T12:00:00Z"])"},
    {"null", "date-time", "true", "+null", R"(-"2026-02-05T12:00:00Z")", R"(-["2026-02-05T12:00:00Z"])"},
    {"not-null", "date-time", "true", R"(+"2026-02-05T12:00:00Z")", "-null", R"(+["2026-02-05T12:00:00Z"])"},
    {"empty", "date-time", "true", R"(+"")", R"(-"2026-02-05T12:00:00Z")", R"(-["2026-02-05T12:00:00Z"])"},
    {"not-empty", "date-time", "true", R"(+"2026-02-05T12:00:00Z")", "-[]", R"(+["2026-02-05T12:00:00Z"])"},
    {"gt", "date-time", R"("2026-02-05T12:00:00Z")", R"(+"2026-02-05T12:00:00.000001Z")", R"(-"2026-02-05T13:00:00+01:00")", R"(+["2026-02-06"])"},
    {"gte", "date-time", R"("2026-02-05T12:00:00Z")", R"(+"2026-02-05T13:00:00+01:00")", R"(-"2026-02-05T12:30:00+01:00")", R"(+["2026-02-05T12:00:00Z"])"},
    {"lt", "date-time", R"("2026-02-05T12:00:00Z")", R"(+"2026-02-05T12:30:00+01:00")", R"(-"2026-02-05T12:00:00Z")", R"(+["2026-02-05"])"},
    {"lte", "date-time", R"("2026-02-05T12:00:00Z")", R"(+"2026-02-05T12:00:00Z")", R"(-"2026-02-05T11:30:00-01:00")", R"(+["2026-02-05"])"},
    {"between", "date-time", R"(["2026-02-05T12:00:00Z","2026-02-05T13:00:00Z"])", R"(+"2026-02-05T14:00:00+01:00")", R"(-"2026-02-05T13:00:01Z")", R"(+["2026-02-05","2026-02-05T12:00:00Z"])"},

    {"eq", "enum", R"("Open")", "+1", "-2", "+[2,1]"},
    {"ieq", "enum", R"("WON")", "+3", "-1", "+[2,3]"},
    {"not-eq", "enum", R"("Open")", "+2", "-1", "-[2,1]"},
    {"not-ieq", "enum", R"("open")", "+3", "-1", "-[3,1]"},
    {"contains", "enum", R"("pe")", "+1", "-3", "+[3,1]"},
    {"starts", "enum", R"("Op")", "+1", "-2", "+[3,1]"},
    {"ends", "enum", R"("st")", "+2", "-1", "+[1,2]"},
    {"icontains", "enum", R"("PE")", "+1", "-2", "+[3,1]"},
    {"istarts", "enum", R"("WO")", "+3", "-1", "+[1,3]"},
    {"iends", "enum", R"("EN")", "+1", "-2", "+[3,1]"},
    {"null", "enum", "true", "+null", "-1", "-[1]"},
    {"not-null", "enum", "true", "+1", "-null", "+[1]"},
    {"empty", "enum", "true", "+null", "-1", "-[1]"},
    {"not-empty", "enum", "true", "+1", "-null", "+[1]"},
    {"gt", "enum", "1", "+2", "-1", "+[1,3]"},
    {"gte", "enum", "2", "+2", "-1", "+[1,2]"},
    {"lt", "enum", "2", "+1", "-2", "+[2,1]"},
    {"lte", "enum", "2", "+2", "-3", "+[3,2]"},
    {"between", "enum", "[2,3]", "+2", "-1", "+[1,2]"},

    {"eq", "list", R"(["a","b"])", R"(+"b")", R"(-"c")", R"(+["c","a"])"},
    {"ieq", "list", R"(["A","B"])", R"(+"b")", R"(-"c")", R"(+["c","a"])"},
    {"not-eq", "list", R"(["a","b"])", R"(+"c")", R"(-"b")", R"(-["c","a"])"},
    {"not-ieq", "list", R"(["A","B"])", R"(+"c")", R"(-"b")", R"(-["c","a"])"},
    {"contains", "list", R"(["x","bc"])", R"(+"abcd")", R"(-"acbd")", R"(+["q","abc"])"},
    {"starts", "list", R"(["x","ab"])", R"(+"abcd")", R"(-"acbd")", R"(+["q","abc"])"},
    {"ends", "list", R"(["x","cd"])", R"(+"abcd")", R"(-"acbdc")", R"(+["q","cd"])"},
    {"icontains", "list", R"(["X","BC"])", R"(+"abcd")", R"(-"acbd")", R"(+["q","abc"])"},
    {"istarts", "list", R"(["X","AB"])", R"(+"abcd")", R"(-"acbd")", R"(+["q","abc"])"},
    {"iends", "list", R"(["X","CD"])", R"(+"abcd")", R"(-"acbdc")", R"(+["q","cd"])"},
    {"null", "list", "true", "+null", R"(-["a"])", "-[null]"},
    {"not-null", "list", "true", R"(+["a"])", "-null", "+[null]"},
    {"empty", "list", "true", "+[ ]", R"(-["a"])", "-[[]]"},
    {"not-empty", "list", "true", R"(+["a"])", "-[]", "+[[]]"},
    {"gt", "list", "[5,100]", "+6", "-5", "+[1,6]"},
    {"gte", "list", "[5,100]", "+5", "-4", "+[1,5]"},
    {"lt", "list", "[5,1]", "+4", "-5", "+[6,4]"},
    {"lte", "list", "[5,1]", "+5", "-6", "+[6,5]"},
    {"between", "list", R"("5,7")", "+6", "-8", "+[8,6]"},
};
// clang-format on

/// Without a value only these operators hold: null counts as missing, and what is nothing equals nothing.
const std::set<std::string> hold_without_value{"not-eq", "not-ieq", "null", "empty"};

bool passes(const filter& f, const std::string& record) {
  const auto e = parse_stored_event(R"({"entity":"Opportunity","action":"Update","record_id":1,"record":)" +
                                    record + "}");
  CAF_REQUIRE(e);
  return f.failing(*e) == nullptr;
}

} // namespace

CAF_TEST(each operator on each type) {
  std::set<std::tuple<std::string, std::string, std::string>> cells;
  for (const auto& row : rows) {
    const std::string field = row.type == "enum"s ? "status" : "f";
    const auto native = "{\"" + field + "\":{\"" + row.how + "\":" + row.operand + "}}";
    const auto values = "{\"" + field + "\":" + row.operand + "}";
    const auto operators = "{\"" + field + "\":\"" + row.how + "\"}";
    filter_fault fault;
    const auto first = compile_filter(native, fault);
    const auto second = compile_pipeliner_filter(values, operators, fault);
    CAF_REQUIRE(first && second);
    const auto check = [&](const char* situation, const std::string& record, bool expected) {
      CAF_CHECK(cells.emplace(row.how, row.type, situation).second);
      const auto sign = [](bool holds) { return holds ? " holds"s : " does not hold"s; };
      CAF_CHECK_EQUAL(native + record + sign(passes(*first, record)), native + record + sign(expected));
      CAF_CHECK_EQUAL(values + operators + record + sign(passes(*second, record)),
                      values + operators + record + sign(expected));
    };
    const auto with = [&](const char* value) { return "{\"other\":7,\"" + field + "\": " + value + " }"; };
    check("match", with(row.match + 1), row.match[0] == '+');
    check("no match", with(row.no_match + 1), row.no_match[0] == '+');
    check("list", with(row.list + 1), row.list[0] == '+');
    const bool empty_holds = hold_without_value.contains(row.how);
    check("missing", R"({"other":7})", empty_holds);
    check("null", with("null"), empty_holds);
  }
  for (const char* how :
       {"eq", "ieq", "not-eq", "not-ieq", "contains", "starts", "ends", "icontains", "istarts", "iends",
        "null", "not-null", "empty", "not-empty", "gt", "gte", "lt", "lte", "between"})
    for (const char* type : {"string", "number", "boolean", "date", "date-time", "enum", "list"})
      for (const char* situation : {"match", "no match", "list", "missing", "null"})
        CAF_CHECK(cells.contains({how, type, situation}));
  CAF_CHECK_EQUAL(cells.size(), 19U * 7 * 5);
}
