#define CAF_SUITE json_slices
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/decimal.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

std::string members(std::string_view object) {
  std::string out;
  json_member m;
  for (object_reader reader{object}; reader.next(m);)
    out += std::string{m.key} + "=" + std::string{m.value} + ";";
  return out;
}

std::string elements(std::string_view array) {
  std::string out;
  std::string_view element;
  for (array_reader reader{array}; reader.next(element);)
    out += std::string{element} + ";";
  return out;
}

/// A random value with awkward strings, numbers and white space.
std::string random_json(std::mt19937& random, int depth) {
  const auto space = [&] { return std::string(random() % 3, " \n\t"[random() % 3]); };
  const char* strings[] = {
      "", "a", "\\\"", "\\\\", "x\\\\\\\"y", "}{][,:", "\\u0041", "é", "long enough for eight \\\" at once"};
  const char* scalars[] = {"0", "-1", "1.50", "1E5", "12345678901234567890", "true", "false", "null"};
  const auto text = [&] { return '"' + std::string{strings[random() % 9]} + '"'; };
  const auto kind = random() % (depth > 0 ? 4 : 2);
  if (kind == 0)
    return text();
  if (kind == 1)
    return scalars[random() % 8];
  std::string out = kind == 2 ? "[" : "{";
  const auto count = random() % 5;
  for (std::size_t i = 0; i < count; ++i) {
    out += (i > 0 ? "," : "") + space();
    if (kind == 3)
      out += "\"k" + std::to_string(i) + strings[random() % 9] + '"' + space() + ':' + space();
    out += random_json(random, depth - 1) + space();
  }
  return out + (kind == 2 ? "]" : "}");
}

} // namespace

CAF_TEST(members and elements are the bytes that came) {
  CAF_CHECK_EQUAL(members("{}"), ""s);
  CAF_CHECK_EQUAL(members("{ }"), ""s);
  CAF_CHECK_EQUAL(members(R"({"a":1})"), "a=1;"s);
  CAF_CHECK_EQUAL(members(R"( x)"), ""s);
  CAF_CHECK_EQUAL(members(R"([1])"), ""s);
  CAF_CHECK_EQUAL(members(R"({ "a" : 1.50 , "b" : [ 1 , "]" ] ,"c":{"d":"}"},"e\"":"\\"})"),
                  R"(a=1.50;b=[ 1 , "]" ];c={"d":"}"};e\"="\\";)"s);
  CAF_CHECK_EQUAL(elements("[]"), ""s);
  CAF_CHECK_EQUAL(elements("[ ]"), ""s);
  CAF_CHECK_EQUAL(elements("{}"), ""s);
  CAF_CHECK_EQUAL(elements(R"([1,"a,b", [2,[3]] ,{"x":"]"},null ])"), R"(1;"a,b";[2,[3]];{"x":"]"};null;)"s);
  CAF_CHECK_EQUAL(std::string{find_member(R"({"a":1,"b":{"a":2}})", "b")}, R"({"a":2})"s);
  CAF_CHECK_EQUAL(std::string{find_member(R"({"\u0062":3})", "b")}, "3"s);
  CAF_CHECK(find_member(R"({"a":1})", "c").empty());
  CAF_CHECK(find_member("17", "c").empty());
}

CAF_TEST(splicing what was read gives the same text again) {
  std::mt19937 random{7};
  for (int round = 0; round < 5'000; ++round) {
    const auto text = random_json(random, 4);
    CAF_REQUIRE(!check_json(text));
    const auto theirs = nlohmann::json::parse(text);
    if (theirs.is_object()) {
      std::string again = "{";
      json_member m;
      std::size_t count = 0;
      for (object_reader reader{text}; reader.next(m); ++count) {
        again += (count > 0 ? ",\"" : "\"") + std::string{m.key} + "\":" + std::string{m.value};
        CAF_REQUIRE(nlohmann::json::parse(m.value) == theirs.at(m.name()));
      }
      CAF_REQUIRE_EQUAL(count, theirs.size());
      CAF_REQUIRE(nlohmann::json::parse(again + "}") == theirs);
      CAF_REQUIRE(same_json(again + "}", text));
    } else if (theirs.is_array()) {
      std::size_t count = 0;
      std::string_view element;
      for (array_reader reader{text}; reader.next(element); ++count)
        CAF_REQUIRE(nlohmann::json::parse(element) == theirs.at(count));
      CAF_REQUIRE_EQUAL(count, theirs.size());
    } else if (theirs.is_string())
      CAF_REQUIRE_EQUAL(string_value(text), theirs.get<std::string>());
  }
}

CAF_TEST(damaged text is read without leaving it) {
  std::mt19937 random{11};
  for (int round = 0; round < 20'000; ++round) {
    auto text = random_json(random, 3);
    text.resize(random() % (text.size() + 1));
    if (!text.empty())
      text[random() % text.size()] = "\"\\{}[]:,"[random() % 8];
    const std::vector<char> exact(text.begin(),
                                  text.end()); // no terminator behind it: a sanitizer sees overruns
    const std::string_view view{exact.data(), exact.size()};
    members(view);
    elements(view);
    same_json(view, "[1]");
    string_value(view);
  }
}

CAF_TEST(strings are unescaped and escaped) {
  CAF_CHECK_EQUAL(unescape_json(R"(a\"b\\c\/d\b\f\n\r\t)"), "a\"b\\c/d\b\f\n\r\t"s);
  CAF_CHECK_EQUAL(unescape_json(R"(\u0041\u00e9\u20AC\ud83d\uDE00)"), "Aé€😀"s);
  CAF_CHECK_EQUAL(unescape_json(R"(\u0000)"), "\0"s);
  CAF_CHECK(string_is(R"("a\u0062")", "ab"));
  CAF_CHECK(!string_is(R"("ab")", "a"));
  CAF_CHECK(!string_is("ab", "ab"));
  for (const auto& text : {"plain"s, "\"\\\b\f\n\r\t\x01\x1F"s, "é€😀"s, "\0"s, ""s}) {
    std::string out;
    append_json_string(out, text);
    CAF_CHECK(!check_json(out));
    CAF_CHECK_EQUAL(string_value(out), text);
    CAF_CHECK_EQUAL(nlohmann::json::parse(out).get<std::string>(), text);
  }
}

CAF_TEST(values are compared by meaning) {
  const std::pair<const char*, const char*> same[] = {
      {"1", "1.0"},          {"10", "1e1"},
      {"0", "-0"},           {"0.1", "1E-1"},
      {"100", "1.00e+2"},    {"\"a\"", "\"\\u0061\""},
      {"[1, 2]", "[1,2.0]"}, {R"({"a":1,"b":[2]})", R"({ "b":[2.0], "a":1 })"},
      {"{}", "{ }"},         {"[]", "[ ]"},
      {"null", "null"},      {R"({"\u0061":1})", R"({"a":1})"}};
  for (const auto& [a, b] : same) {
    CAF_CHECK(same_json(a, b));
    CAF_CHECK(same_json(b, a));
  }
  const std::pair<const char*, const char*> other[] = {{"1", "2"},
                                                       {"1", "\"1\""},
                                                       {"true", "false"},
                                                       {"null", "0"},
                                                       {"\"a\"", "\"A\""},
                                                       {"[1,2]", "[2,1]"},
                                                       {"[1]", "[1,1]"},
                                                       {R"({"a":1})", R"({"a":1,"b":1})"},
                                                       {R"({"a":1})", R"({"b":1})"},
                                                       {"{}", "[]"},
                                                       {"9007199254740993", "9007199254740992"},
                                                       {"0.1", "0.10000000000000001"},
                                                       {"1", "-1"},
                                                       {"1e400", "1e401"}};
  for (const auto& [a, b] : other) {
    CAF_CHECK(!same_json(a, b));
    CAF_CHECK(!same_json(b, a));
  }
}

CAF_TEST(numbers are ordered by value) {
  const char* rising[] = {"-1e999",
                          "-12",
                          "-11.5",
                          "-0.001",
                          "0",
                          "1e-999",
                          "0.09",
                          "0.1",
                          "0.11",
                          "1",
                          "1.5",
                          "9.99",
                          "10",
                          "99",
                          "100",
                          "1e3",
                          "9007199254740992",
                          "9007199254740993",
                          "1e999"};
  for (std::size_t i = 0; i < std::size(rising); ++i)
    for (std::size_t j = 0; j < std::size(rising); ++j)
      CAF_CHECK_EQUAL(decimal{rising[i]} < decimal{rising[j]}, i < j);
  for (const char* text : {"", "-", "01", "1.", ".5", "1e", "+1", "1x", " 1", "1 ", "0x1", "--1", "-01"})
    CAF_CHECK(!parse_decimal(text));
  for (const char* text : {"0", "-0", "1", "10", "1.25", "1e5", "-2E-7"})
    CAF_CHECK(parse_decimal(text).has_value());
}
