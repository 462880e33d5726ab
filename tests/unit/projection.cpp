#define CAF_SUITE projection
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/projection.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;
using nlohmann::ordered_json;

namespace {

/// Records as nobody writes them by hand: escapes, Unicode, digits without end, lists in lists, odd white
/// space, and relations to `related` other records.
class record_maker {
public:
  explicit record_maker(std::uint64_t seed) : random_(seed) {}

  std::string event() {
    std::string included = "{";
    for (std::size_t i = 0; i < related; ++i) {
      const auto n = std::to_string(i);
      included += (i > 0 ? "," : "") + space() + '"' + one_of({"Task/", "Tasks/", "https://h/e/Tasks/"}) + n +
                  "\":" + (chance(10) ? value(2) : object(3)) + space();
    }
    return R"({"entity":"Contact","action":"Update","record_id":1,"record":)" + object(4) + space() +
           R"(,"included":)" + included + "}}";
  }

  /// "a", "b.c", ...: over the names that objects have, and one they don't.
  std::string path() {
    std::string result = name();
    while (chance(45))
      result += '.' + name();
    return result;
  }

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::size_t below(std::size_t n) { return random_() % n; }

  static constexpr std::size_t related = 5;

private:
  std::string one_of(std::initializer_list<const char*> texts) { return texts.begin()[below(texts.size())]; }
  std::string name() { return one_of({"a", "b", "c", "d", "\xC3\xA9", "none"}); }
  std::string space() { return chance(70) ? "" : one_of({" ", "\n", "\t ", " \r\n "}); }

  std::string value(std::size_t depth) {
    switch (below(depth == 0 ? 5 : 8)) {
    case 0:
      return one_of(
          {"null", "true", "false", "0", "-0", "12345678901234567890123.4567890", "1.50", "1E+2", "-7e-3"});
    case 1:
      return one_of(
          {R"("")", R"("x\u0000\n\"\\")", R"("\ud83d\ude00 é")", R"("http:\/\/no")", R"("Tasks/")"});
    case 2:
    case 3:
    case 4:
      return '"' + one_of({"https://h/e/Tasks/", "https:\\/\\/h/e/Tasks/", "Tasks/", "\\u0054asks/"}) +
             std::to_string(below(related + 1)) + '"';
    case 5:
    case 6:
      return list(depth - 1);
    default:
      return object(depth - 1);
    }
  }

  std::string list(std::size_t depth) {
    std::string result = "[" + space();
    for (std::size_t i = 0, n = below(4); i < n; ++i)
      result += (i > 0 ? "," : "") + space() + value(depth) + space();
    return result + ']';
  }

  std::string object(std::size_t depth) {
    std::vector<const char*> names{"id", "a", "b", "\\u0063", "d", "\xC3\xA9"};
    std::shuffle(names.begin(), names.end(), random_);
    names.resize(below(names.size() + 1));
    std::string result = "{" + space();
    for (std::size_t i = 0; i < names.size(); ++i)
      result += (i > 0 ? "," : "") + space() + '"' + names[i] + '"' + space() + ':' + space() + value(depth) +
                space();
    return result + '}';
  }

  std::mt19937_64 random_;
};

using paths = std::vector<std::vector<std::string>>;

/// What is left of those paths that begin with `name`; nothing when none does.
std::optional<paths> below_name(const std::optional<paths>& all, const std::string& name) {
  if (!all)
    return std::nullopt;
  std::optional<paths> result;
  for (const auto& path : *all)
    if (!path.empty() && path.front() == name) {
      if (!result)
        result.emplace();
      result->emplace_back(path.begin() + 1, path.end());
    }
  return result;
}

const ordered_json* find_record(const ordered_json& included, const std::string& uri) {
  const auto slash = uri.rfind("Tasks/");
  if (slash == std::string::npos)
    return nullptr;
  const auto id = uri.substr(slash + 6);
  for (const auto& key : {uri, "Tasks/" + id, "Task/" + id})
    if (const auto found = included.find(key); !id.empty() && found != included.end())
      return found->is_object() ? &*found : nullptr;
  return nullptr;
}

/// The projection by its words: a path of `expand` names a relation and all relations on its way, a path of
/// `keep` a member and nothing beside it, save `id`.
ordered_json reference(const ordered_json& value, const std::optional<paths>& expand,
                       const std::optional<paths>& keep, const ordered_json& included) {
  if (value.is_array()) {
    auto result = ordered_json::array();
    for (const auto& element : value)
      result.push_back(reference(element, expand, keep, included));
    return result;
  }
  if (value.is_string() && expand) {
    const auto* record = find_record(included, value.get<std::string>());
    return record == nullptr ? value : reference(*record, expand, keep, included);
  }
  if (!value.is_object())
    return value;
  auto result = ordered_json::object();
  for (const auto& member : value.items()) {
    auto kept = below_name(keep, member.key());
    if (keep && !kept && member.key() != "id")
      continue;
    if (kept && std::any_of(kept->begin(), kept->end(), [](const auto& path) { return path.empty(); }))
      kept.reset();
    result[member.key()] = reference(member.value(), below_name(expand, member.key()), kept, included);
  }
  return result;
}

std::vector<std::string> split(const std::string& dotted) {
  std::vector<std::string> result{""};
  for (const char c : dotted)
    if (c == '.')
      result.emplace_back();
    else
      result.back() += c;
  return result;
}

struct shape_and_paths {
  projection shape;
  std::optional<paths> expand, keep;

  void add_expand(const std::string& path) {
    shape.expand.add(path);
    (expand ? *expand : expand.emplace()).push_back(split(path));
  }
  void add_keep(const std::string& path) {
    shape.keep.add(path);
    (keep ? *keep : keep.emplace()).push_back(split(path));
  }
};

std::string projected(const event& e, const projection& shape) {
  std::string out;
  expansion_budget budget;
  append_projected(out, e.record, shape, e, budget);
  return out;
}

constexpr std::uint64_t rounds = 4'000;

template <class Check>
void with_random_records(Check check) {
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    record_maker random{seed};
    const auto e = parse_stored_event(random.event());
    CAF_REQUIRE(e);
    check(*e, random);
  }
}

/// Members under their names, in their order.
std::vector<named_value> members(std::string_view object) {
  std::vector<named_value> result;
  json_member member;
  for (object_reader reader{object}; reader.next(member);)
    result.push_back({member.name(), member.value});
  return result;
}

} // namespace

CAF_TEST(an empty projection changes no byte) {
  with_random_records([](const event& e, record_maker&) {
    CAF_CHECK_EQUAL(projected(e, {}), std::string{e.record});
    shape_and_paths nothing; // paths that lead nowhere
    nothing.add_expand("none.a");
    CAF_CHECK_EQUAL(projected(e, nothing.shape), std::string{e.record});
  });
}

CAF_TEST(what is not expanded stays byte by byte in its order) {
  std::size_t expanded = 0;
  with_random_records([&](const event& e, record_maker& random) {
    shape_and_paths wanted;
    for (std::size_t i = random.below(3) + 1; i > 0; --i)
      wanted.add_expand(random.path());
    const auto out = projected(e, wanted.shape);
    const auto before = members(e.record);
    const auto after = members(out);
    CAF_REQUIRE_EQUAL(before.size(), after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      CAF_CHECK_EQUAL(before[i].name, after[i].name);
      if (wanted.shape.expand.find(before[i].name) == nullptr)
        CAF_CHECK_EQUAL(std::string{before[i].value}, std::string{after[i].value});
    }
    expanded += out.size() != e.record.size();
  });
  CAF_CHECK(expanded > rounds / 10);
}

CAF_TEST(load only keeps the named paths and id) {
  std::size_t shorter = 0;
  with_random_records([&](const event& e, record_maker& random) {
    shape_and_paths wanted;
    for (std::size_t i = random.below(3) + 1; i > 0; --i)
      wanted.add_keep(random.path());
    const auto out = projected(e, wanted.shape);
    std::vector<named_value> expected;
    for (const auto& member : members(e.record))
      if (member.name == "id" || wanted.shape.keep.find(member.name) != nullptr)
        expected.push_back(member);
    const auto after = members(out);
    CAF_REQUIRE_EQUAL(expected.size(), after.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      CAF_CHECK_EQUAL(expected[i].name, after[i].name);
      const auto* node = wanted.shape.keep.find(after[i].name);
      if (node == nullptr || node->empty())
        CAF_CHECK_EQUAL(std::string{expected[i].value}, std::string{after[i].value});
    }
    shorter += out.size() < e.record.size();
  });
  CAF_CHECK(shorter > rounds / 4);
}

CAF_TEST(any projection equals the slow reference) {
  std::size_t differ = 0;
  with_random_records([&](const event& e, record_maker& random) {
    shape_and_paths wanted;
    for (std::size_t i = random.below(4); i > 0; --i)
      wanted.add_expand(random.path());
    for (std::size_t i = random.below(4); i > 0; --i)
      wanted.add_keep(random.path());
    const auto out = projected(e, wanted.shape);
    CAF_CHECK(!check_json(out));
    const auto record = ordered_json::parse(e.record);
    const auto expected = reference(record, wanted.expand, wanted.keep, ordered_json::parse(e.included));
    if (ordered_json::parse(out) != expected)
      CAF_ERROR("of " << e.bytes << " came " << out << " and not " << expected.dump());
    differ += expected != record;
  });
  CAF_CHECK(differ > rounds / 2);
}

CAF_TEST(white space and escapes stay around what is expanded) {
  const auto e = parse_stored_event(
      R"({"entity":"Contact","action":"Update","record_id":1,"record":{ "id" : 1 , "\u0063" : [ "Tasks/1" , [ "Tasks/9" ] ] , "x" :2 },)"
      R"("included":{"Task/1":{ "k": 0}}})");
  shape_and_paths expanding, keeping;
  expanding.add_expand("c");
  CAF_CHECK_EQUAL(projected(*e, expanding.shape),
                  R"({ "id" : 1 , "\u0063" : [ { "k": 0} , [ "Tasks/9" ] ] , "x" :2 })"s);
  keeping.add_keep("c");
  CAF_CHECK_EQUAL(projected(*e, keeping.shape), R"({"id":1,"\u0063":[ "Tasks/1" , [ "Tasks/9" ] ]})"s);
}

CAF_TEST(a path beside a longer one names all) {
  const auto e = parse_stored_event(
      R"({"entity":"Contact","action":"Update","record_id":1,"record":{"id":1,"v":{"id":2,"a":3,"b":4},"w":5}})");
  shape_and_paths wanted;
  wanted.add_keep("v");
  wanted.add_keep("v.a");
  CAF_CHECK_EQUAL(projected(*e, wanted.shape), R"({"id":1,"v":{"id":2,"a":3,"b":4}})"s);
  shape_and_paths narrow;
  narrow.add_keep("v.a");
  CAF_CHECK_EQUAL(projected(*e, narrow.shape), R"({"id":1,"v":{"id":2,"a":3}})"s);
}
