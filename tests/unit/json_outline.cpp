#define CAF_SUITE json_outline
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/json_gate.hpp"
#include "domain/json_outline.hpp"
#include "domain/json_slices.hpp"

#include <string>

using namespace carillon::domain;

namespace {

/// What the outline holds, one line a value: its depth, key and text.
std::string lines(json_outline::reader values, const std::string& indent = "") {
  std::string out;
  for (json_part part; values.next(part);)
    out += indent + std::string{part.key} + (part.escaped ? "~" : "") + "=" + std::string{part.value} + "\n" +
           lines(part.inside, indent + " ");
  return out;
}

std::string outlined(std::string_view text, std::size_t depth) {
  json_outline outline{depth};
  CAF_REQUIRE(!check_json(text, outline));
  return lines(outline.values(text));
}

/// The same, found by the readers.
std::string read(std::string_view value, std::size_t depth, const std::string& indent = "") {
  std::string out;
  if (depth == 0)
    return out;
  const auto add = [&](std::string_view key, std::string_view inner) {
    out += indent + std::string{key} + (key.find('\\') != std::string_view::npos ? "~" : "") + "=" +
           std::string{inner} + "\n" + read(inner, depth - 1, indent + " ");
  };
  json_member member;
  for (object_reader reader{value}; reader.next(member);)
    add(member.key, member.value);
  std::string_view element;
  for (array_reader reader{value}; reader.next(element);)
    add({}, element);
  return out;
}

} // namespace

CAF_TEST(every value is outlined as it stands) {
  CAF_CHECK_EQUAL(outlined(" [ {\"a\": [1, 2]} ,\n\"x,]\" ] ", 3),
                  "={\"a\": [1, 2]}\n a=[1, 2]\n  =1\n  =2\n=\"x,]\"\n");
  CAF_CHECK_EQUAL(outlined(R"({"\u0061":{},"b":[]})", 3), "\\u0061~={}\nb=[]\n");
  for (const auto* text : {"[]", "{}", "7", "\"a\"", "null"})
    CAF_CHECK_EQUAL(outlined(text, 3), "");
}

CAF_TEST(the outline finds what the readers find down to its depth) {
  const std::string_view texts[] = {
      R"({"a":1,"b":{"c":[1,{"d":"}],"},[[]]],"e":null},"f":"\"{"})",
      R"([[[[[[1,2],3],4],5],{"a":{"b":{"c":{"d":1}}}}],true])",
      "\t{ \"a\" : [ 1 , { \"\\\"\" : 2 } ] , \"b\" : \"\" }\n",
  };
  for (const auto text : texts)
    for (std::size_t depth = 0; depth < 8; ++depth)
      CAF_CHECK_EQUAL(outlined(text, depth), read(trim_json(text), depth));
}

CAF_TEST(an outline holds for a copy of a part of the text) {
  const std::string text = R"([0,{"a":"b","c":[1]}])";
  json_outline outline{3};
  CAF_REQUIRE(!check_json(text, outline));
  auto elements = outline.values(text);
  json_part part;
  CAF_REQUIRE(elements.next(part) && elements.next(part));
  const std::string copy{part.value};
  const auto from = static_cast<std::size_t>(part.value.data() - text.data());
  CAF_CHECK_EQUAL(lines(part.inside.in_copy(copy.data(), from)), "a=\"b\"\nc=[1]\n =1\n");
  auto members = part.inside.in_copy(copy.data(), from);
  CAF_REQUIRE(members.next(part));
  CAF_CHECK(part.key.data() == copy.data() + 2);
}

CAF_TEST(an outline is made anew each time) {
  json_outline outline{2};
  CAF_CHECK(!check_json("[1,2,3]", outline));
  CAF_CHECK(check_json("[1,2", outline).has_value());
  CAF_CHECK(!check_json("{\"a\":true}", outline));
  CAF_CHECK_EQUAL(lines(outline.values("{\"a\":true}")), "a=true\n");
}
