#define CAF_SUITE json_gate
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/json_gate.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

struct bad_text {
  std::string text;
  std::string pointer;
  std::string detail; ///< a part of it
};

} // namespace

CAF_TEST(good texts pass) {
  const std::string texts[] = {"{}",
                               "[]",
                               "0",
                               "-0",
                               "1.5e-10",
                               "12E+3",
                               "true",
                               "false",
                               "null",
                               "\"\"",
                               " \t\r\n[ 1 , 2 ] \n",
                               R"({"a":{"b":[1,{"c":null}]},"d":"x"})",
                               R"("é\u00e9\ud83d\ude00\n\/\\\"")",
                               "\"\xF0\x9F\x98\x80\"",
                               R"({"a":1,"A":2,"":3})",
                               R"([{"a":1},{"a":1}])",
                               R"({"a":{"a":{"a":1}}})",
                               "123456789012345678901234567890",
                               "\"\x7F\"",
                               R"("\u0000")",
                               "\"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"",
                               nested(64)};
  for (const auto& text : texts) {
    const auto fault = check_json(text);
    CAF_CHECK_EQUAL(fault ? text + ": " + fault->detail : "", ""s);
  }
}

CAF_TEST(bad texts are refused with their place) {
  const bad_text texts[] = {
      {"", "#", "empty"},
      {" \n ", "#", "empty"},
      {"{", "#", "key"},
      {"[", "#/0", "ends"},
      {"[1", "#", "\"]\""},
      {"[1,", "#/1", "ends"},
      {"[1,]", "#/1", "no JSON value"},
      {"[,1]", "#/0", "no JSON value"},
      {"{\"a\":1,}", "#", "key"},
      {"{\"a\"}", "#", "\":\""},
      {"{\"a\":}", "#/a", "no JSON value"},
      {"{a:1}", "#", "key"},
      {"{'a':1}", "#", "key"},
      {"{} {}", "#", "follows"},
      {"1 2", "#", "follows"},
      {"{}\0"s, "#", "follows"},
      {"\xEF\xBB\xBF{}", "#", "no JSON value"},
      {"01", "#", "begin with 0"},
      {"-", "#", "no digits"},
      {"-a", "#", "no digits"},
      {"+1", "#", "no JSON value"},
      {".5", "#", "no JSON value"},
      {"1.", "#", "decimal point"},
      {"1.e5", "#", "decimal point"},
      {"1e", "#", "exponent"},
      {"1e+", "#", "exponent"},
      {"NaN", "#", "no JSON value"},
      {"Infinity", "#", "no JSON value"},
      {"tru", "#", "no JSON value"},
      {"True", "#", "no JSON value"},
      {"nul", "#", "no JSON value"},
      {"truex", "#", "follows"},
      {"\"abc", "#", "does not end"},
      {"\"abc\\", "#", "does not end"},
      {"\"abc\\\"", "#", "does not end"},
      {"\"a\tb\"", "#", "control"},
      {"\"a\0b\""s, "#", "control"},
      {"\"aaaaaaaaaaaaaaaa\x1F\"", "#", "control"},
      {R"("\x41")", "#", "escape"},
      {R"("\u12")", "#", "hexadecimal"},
      {R"("\u12G4")", "#", "hexadecimal"},
      {R"("\ud800")", "#", "surrogate"},
      {R"("\udc00")", "#", "surrogate"},
      {R"("\ud800\ud800")", "#", "surrogate"},
      {R"("\ud800\n")", "#", "surrogate"},
      {R"("\ud83dx\ude00")", "#", "surrogate"},
      {"\"\xFF\"", "#", "UTF-8"},
      {"\"\x80\"", "#", "UTF-8"},
      {"\"\xC0\x80\"", "#", "UTF-8"},
      {"\"\xC1\xBF\"", "#", "UTF-8"},
      {"\"\xC3\"", "#", "UTF-8"},
      {"\"\xE0\x80\x80\"", "#", "UTF-8"},
      {"\"\xE2\x82\"", "#", "UTF-8"},
      {"\"\xED\xA0\x80\"", "#", "UTF-8"},
      {"\"\xF0\x80\x80\x80\"", "#", "UTF-8"},
      {"\"\xF4\x90\x80\x80\"", "#", "UTF-8"},
      {"\"\xF5\x80\x80\x80\"", "#", "UTF-8"},
      {"\"12345678\xC3(\"", "#", "UTF-8"},
      {R"({"a":1,"a":2})", "#", "\"a\" appears twice"},
      {R"({"a":1,"\u0061":2})", "#", "appears twice"},
      {R"({"\u0061":1,"a":2})", "#", "appears twice"},
      {R"({"é":1,"\u00e9":2})", "#", "appears twice"},
      {R"({"\ud83d\ude00":1,"😀":2})", "#", "appears twice"},
      {R"([0,{"x":{"y/z":{"k~":1,"k~":2}}}])", "#/1/x/y~1z", "appears twice"},
      {R"({"a b":[1,{"ü":tru}]})", "#/a%20b/1/%C3%BC", "no JSON value"},
      {nested(65), "", "nested deeper than 64"},
      {std::string(100'000, '['), "", "nested deeper than 64"},
      {"/* c */ 1", "#", "no JSON value"},
  };
  for (const auto& bad : texts) {
    const auto fault = check_json(bad.text);
    CAF_CHECK(fault.has_value());
    if (!fault) {
      CAF_MESSAGE("accepted: " << bad.text);
      continue;
    }
    if (!bad.pointer.empty())
      CAF_CHECK_EQUAL(bad.text + fault->pointer, bad.text + bad.pointer);
    CAF_CHECK(fault->detail.find(bad.detail) != std::string::npos);
    if (fault->detail.find(bad.detail) == std::string::npos)
      CAF_MESSAGE(bad.text << " -> " << fault->detail);
    CAF_CHECK(fault->offset <= bad.text.size());
  }
}

CAF_TEST(duplicate keys are found among many) {
  for (const std::size_t count : {2U, 24U, 25U, 26U, 100U, 5'000U}) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i)
      text += "\"key" + std::to_string(i) + "\":{\"key0\":1},";
    CAF_CHECK(!check_json(text + "\"last\":1}"));
    for (const std::size_t again : {std::size_t{0}, count / 2, count - 1}) {
      const auto fault = check_json(text + "\"key" + std::to_string(again) + "\":1}");
      CAF_REQUIRE(fault.has_value());
      CAF_CHECK_EQUAL(fault->offset, text.size() + 1);
      CAF_CHECK_EQUAL(fault->pointer, "#"s);
    }
    CAF_CHECK(check_json(text + "\"\\u006bey0\":1}").has_value());
  }
}

CAF_TEST(limits hold at their edge) {
  json_limits limits;
  limits.depth = 2;
  limits.key_bytes = 3;
  limits.string_bytes = 4;
  limits.number_bytes = 5;
  limits.members = 2;
  limits.elements = 3;
  limits.values = 6;
  for (const char* text :
       {"[[1]]", R"({"abc":1})", R"("abcd")", "12345", R"({"a":1,"b":2})", "[1,2,3]", "[1,[2,3,4]]"})
    CAF_CHECK(!check_json(text, limits));
  for (const char* text : {"[[[1]]]", R"({"abcd":1})", R"("abcde")", "123456", R"({"a":1,"b":2,"c":3})",
                           "[1,2,3,4]", "[1,[2,3,4],5]"})
    CAF_CHECK(check_json(text, limits).has_value());
  limits.depth = 1000; // the gate's own bound stays
  limits.values = 10'000;
  CAF_CHECK(!check_json(nested(64), limits));
  CAF_CHECK(check_json(nested(65), limits).has_value());
}

CAF_TEST(random texts are judged like an independent parser judges them) {
  std::mt19937 random{20241014};
  const std::string seeds[] = {
      R"({"id":"e-1","n":[1,2.5,-3e4,true,false,null],"s":"x\ny\u00e9\ud83d\ude00","o":{"a":{"b":"c"}}})",
      "[ {\"k\" : \"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"} , \"12345678901234567\" ]"};
  const std::string pool = "{}[]\",:\\0123456789.eE+-truefalsn \t\n\xC3\xA9\xED\xA0\xF4/ud8";
  std::size_t accepted = 0;
  for (int round = 0; round < 40'000; ++round) {
    auto text = seeds[static_cast<std::size_t>(round) % 2];
    for (auto edits = random() % 3; edits-- > 0;) {
      const auto at = random() % text.size();
      switch (random() % 3) {
      case 0:
        text[at] = pool[random() % pool.size()];
        break;
      case 1:
        text.erase(at, 1 + random() % 3);
        break;
      default:
        text.insert(at, 1, pool[random() % pool.size()]);
      }
      if (text.empty())
        text = " ";
    }
    const auto fault = check_json(text);
    const bool theirs = nlohmann::json::accept(text);
    accepted += theirs ? 1 : 0;
    const bool duplicate = fault && fault->detail.find("twice") != std::string::npos;
    if (theirs == fault.has_value() && !duplicate)
      CAF_FAIL("judged differently: " << text << " " << (fault ? fault->detail : "accepted"));
  }
  CAF_CHECK(accepted > 5'000);
}
