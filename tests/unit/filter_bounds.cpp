#define CAF_SUITE filter_bounds
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/dialects/pipeliner_options.hpp"
#include "domain/event_lookups.hpp"
#include "domain/json_slices.hpp"
#include "domain/matching.hpp"
#include "domain/notification_body.hpp"
#include "domain/text_fold.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace carillon::domain;
using namespace std::string_literals;

// Events at the gate's limits before subscriptions at theirs. No time is asserted: where the work is not
// bounded, these tests take minutes, hours, or longer than the sun will shine.

namespace {

std::string repeated(std::size_t count, const std::string& text, const std::string& between = "") {
  std::string result;
  result.reserve(count * (text.size() + between.size()));
  for (std::size_t i = 0; i < count; ++i)
    result.append(i > 0 ? between : "").append(text);
  return result;
}

event_ptr make(const std::string& members) {
  auto e = parse_stored_event(R"({"entity":"Contact","action":"Update","record_id":1,)" + members + "}");
  CAF_REQUIRE(e);
  return e;
}

filter compiled(const std::string& json) {
  filter_fault fault;
  auto result = compile_filter(json, fault);
  CAF_REQUIRE(result);
  return std::move(*result);
}

subscription webhook(const std::string& contact_options) {
  subscription s;
  s.speaks = dialect::pipeliner;
  s.target = "https://a.example/hook";
  s.pipeliner.uuid = s.pipeliner.application_id = "0b8c6f3e-0000-4000-8000-000000000001";
  s.pipeliner.events = {"*"};
  s.pipeliner.options = R"({"entity":{"Contact":)" + contact_options + "}}";
  return s;
}

std::string render(const subscription& s, const std::vector<event_ptr>& events) {
  std::vector<body_part> parts;
  for (const auto& e : events)
    parts.push_back({e, 0, 1, action::Update, {}});
  return render_body(compiled_subscription{s}, "acme", parts, secrets::shown).body;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t result = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++result;
  return result;
}

/// 100,000 relations to 19,000 records of together 6 MB.
event_ptr many_relations() {
  constexpr std::size_t records = 19'000;
  const std::string padding(300, 'x');
  std::string included, tasks;
  for (std::size_t i = 0; i < records; ++i)
    included += (i > 0 ? ",\"Task/" : "\"Task/") + std::to_string(i) + R"(":{"id":)" + std::to_string(i) +
                R"(,"pad":")" + padding + "\"}";
  for (std::size_t i = 0; i < 100'000; ++i)
    tasks += (i > 0 ? ",\"https://h/e/Tasks/" : "\"https://h/e/Tasks/") + std::to_string(i % records) + '"';
  return make(R"("record":{"tasks":[)" + tasks + R"(]},"included":{)" + included + "}");
}

} // namespace

CAF_TEST(relations are found without looking through included) {
  const auto e = many_relations();
  for (const int wanted : {-1, 0, 18'999, 19'000}) {
    const bool there = wanted >= 0 && wanted < 19'000;
    const auto f = compiled(R"({"tasks.id":)" + std::to_string(wanted) + "}");
    CAF_CHECK_EQUAL(f.failing(*e) == nullptr, there);
  }
  const auto body = render(webhook(R"({"expand":["tasks"],"load-only":["tasks.id"]})"), {e});
  CAF_CHECK(count(body, R"({"id":18999})") >= 1);
}

CAF_TEST(relations that lead in circles end) {
  // Two records that name each other ten times: a path of sixteen members has 10^15 ways through them.
  const auto ten = [](const char* uri) {
    return "[" + repeated(10, "\"" + std::string{uri} + "\"", ",") + "]";
  };
  const auto e = make(R"("record":{"r":)" + ten("Tasks/1") + R"(},"included":{"Task/1":{"id":1,"r":)" +
                      ten("Tasks/2") + R"(},"Task/2":{"id":2,"r":)" + ten("Tasks/1") + "}}");
  const auto path = [](std::size_t hops) { return repeated(hops, "r.") + "id"; };
  const auto passes = [&](std::size_t hops, const std::string& condition) {
    return compiled("{\"" + path(hops) + "\":" + condition + "}").failing(*e) == nullptr;
  };
  for (std::size_t hops = 1; hops < 16; ++hops) {
    CAF_CHECK(passes(hops, hops % 2 == 1 ? "1" : "2"));
    CAF_CHECK(!passes(hops, hops % 2 == 1 ? "2" : "1"));
    CAF_CHECK(passes(hops, R"({"not-null":true})"));
    CAF_CHECK(!passes(hops, "3"));
  }
  const auto body =
      render(webhook(R"({"expand":[")" + repeated(16, "r", ".") + R"("],"load-only":["none"]})"), {e});
  CAF_CHECK_EQUAL(count(body, "Tasks/"), 0U);
  const auto whole = render(webhook(R"({"expand":[")" + repeated(16, "r", ".") + R"("]})"), {e});
  CAF_CHECK(whole.size() < 2 * max_expanded_bytes);
  CAF_CHECK(count(whole, R"({"id":1,)") > 100);
}

CAF_TEST(a record that many relations name is looked at once a condition) {
  const auto big = repeated(300'000, "7", ",").substr(0, 199'999); // a list of 100,000 numbers
  const auto e = make(R"("record":{"r":[)" + repeated(100'000, "\"Tasks/1\"", ",") +
                      R"(]},"included":{"Task/1":{"list":[)" + big + R"(],"id":5}})");
  CAF_CHECK(compiled(R"({"r.id":5})").failing(*e) == nullptr);
  CAF_CHECK(compiled(R"({"r.list":8})").failing(*e) != nullptr);
  // It is put in only so often, also where next to nothing of it is shown.
  const auto body = render(webhook(R"({"expand":["r"],"load-only":["r.none"]})"), {e});
  CAF_CHECK_EQUAL(count(body, R"({"id":5})"),
                  max_expanded_bytes / (big.size() + R"({"list":[],"id":5})"s.size()));
}

CAF_TEST(lists in lists are read as one) {
  const auto deep = [](const std::string& inner) {
    return std::string(60, '[') + inner + std::string(60, ']');
  };
  const auto e = make(R"("record":{"l":)" + deep(repeated(50'000, R"({"x":1})", ",") + R"(,{"x":2})") + "}");
  for (int i = 0; i < 10; ++i) {
    CAF_CHECK(compiled(R"({"l.x":2})").failing(*e) == nullptr);
    CAF_CHECK(compiled(R"({"l.x":3})").failing(*e) != nullptr);
    CAF_CHECK(compiled(R"({"l.y":{"null":true}})").failing(*e) == nullptr);
  }
  std::string elements;
  std::string_view element;
  for (leaf_reader reader{R"([ 1 , [ ] ,[[ "]" ], {"a":[2]} ] , null])"}; reader.next(element);)
    elements.append(element).append(";");
  CAF_CHECK_EQUAL(elements, R"(1;"]";{"a":[2]};null;)"s);
  for (const char* none : {"", "[]", "[[],[ [ ]]]", "{}", "7"})
    CAF_CHECK(!leaf_reader{none}.next(element));
}

CAF_TEST(expansion is bounded over a whole POST) {
  const std::string big(1 << 20, 'x');
  const auto record = [](int i) { return R"({ "id": )" + std::to_string(i) + R"(, "task": "Tasks/1" })"; };
  std::vector<event_ptr> events;
  for (int i = 0; i < 100; ++i)
    events.push_back(
        make(R"("record":)" + record(i) + R"(,"included":{"Task/1":{"t":")" + big.substr(10) + "\"}}"));
  const auto expanded = render(webhook(R"({"expand":["task"]})"), events);
  // Each takes 1 MiB less the 2 bytes by which the padding is shorter: 16 fit, and the rest stay URIs.
  CAF_CHECK_EQUAL(count(expanded, R"("task": {"t":)"), 16U);
  CAF_CHECK_EQUAL(count(expanded, R"("task": "Tasks/1")"), 84U);
  CAF_CHECK(expanded.rfind(R"("task": {"t":)") < expanded.find(R"("task": "Tasks/1")"));
  CAF_CHECK(expanded.size() < max_expanded_bytes + 100'000);

  // Related and own relations draw from the same budget.
  auto both = webhook(R"({"expand":["task"]})");
  both.pipeliner.options =
      R"({"entity":{"Contact":{"expand":["task"]}},"related_entity":{"expand":["task"]}})";
  CAF_CHECK_EQUAL(count(render(both, events), R"({"t":)"), 16U);

  // Once a record doesn't fit, none behind it is put in, be it ever so small.
  std::vector<event_ptr> mixed{events.begin(), events.begin() + 17};
  mixed.push_back(make(R"("record":{"task":"Tasks/2"},"included":{"Task/2":{"t":0}})"));
  CAF_CHECK_EQUAL(count(render(webhook(R"({"expand":["task"]})"), mixed), R"({"t":)"), 16U);

  // Records themselves always go out whole, however much there is.
  std::vector<event_ptr> plain;
  for (int i = 0; i < 40; ++i)
    plain.push_back(
        make(R"("record":{"t":")" + big.substr(1) + R"(","task":"Tasks/1"},"included":{"Task/1":{"id":1}})"));
  for (const char* options : {"{}", R"({"expand":["task"]})", R"({"load-only":["t"]})"}) {
    const auto body = render(webhook(options), plain);
    CAF_CHECK_EQUAL(count(body, big.substr(1)), 40U);
    CAF_CHECK_EQUAL(count(body, R"("task":{"id":1})"), options[2] == 'e' ? 40U : 0U);
  }
}

CAF_TEST(a long text is folded once) {
  auto text = repeated(40'000, "Z\xC3\xBCrich Stra\xC3\x9F"
                               "e \\n M\xC3\x84RZ ");
  const auto e = make(R"("record":{"d":")" + text + R"("})");
  for (const char* condition :
       {R"({"icontains":"STRASSE"})", R"({"istarts":"z\u00dc"})", R"({"iends":"\n m\u00e4rz "})"}) {
    const auto f = compiled(R"({"d":)"s + condition + "}");
    for (int i = 0; i < 1'000; ++i)
      CAF_CHECK(f.failing(*e) == nullptr);
  }
  const auto record = find_member(e->record, "d");
  std::string buffer;
  const auto first = e->lookups().folded(record, buffer);
  CAF_CHECK_EQUAL(std::string{first}, fold_case(string_value(record)));
  CAF_CHECK(e->lookups().folded(record, buffer).data() == first.data());
  CAF_CHECK(first.data() != buffer.data());
}

CAF_TEST(a search in a text is no search at every byte) {
  // What a plain search compares here: a million times four thousand bytes, for each of 200 values.
  const auto e = make(R"("record":{"d":")" + std::string(1'000'000, 'a') + R"("})");
  std::string values;
  for (std::size_t i = 0; i < max_filter_values; ++i)
    values += (i > 0 ? ",\"" : "\"") + std::string(4'000 - i, 'a') + "b\"";
  CAF_CHECK(compiled(R"({"d":{"contains":[)" + values + "]}}").failing(*e) != nullptr);
  CAF_CHECK(compiled(R"({"d":{"icontains":[)" + values + "]}}").failing(*e) != nullptr);
}

CAF_TEST(changed fields are looked up by name) {
  std::string changes, watched;
  for (int i = 0; i < 19'000; ++i)
    changes += (i > 0 ? ",\"field_of_some_length_f" : "\"field_of_some_length_f") +
               std::to_string(10'000 + i) + "\":[1,2]";
  for (int i = 0; i < 200; ++i)
    watched +=
        (i > 0 ? ",\"field_of_some_length_w" : "\"field_of_some_length_w") + std::to_string(10'000 + i) + '"';
  const auto e = make(R"("changes":{)" + changes + R"(,"custom_fields":{"w":[1,2]}})");
  const compiled_subscription none{webhook(R"({"on-field-change":[)" + watched + "]}")};
  const compiled_subscription last{webhook(R"({"on-field-change":[)" + watched.substr(watched.find(',') + 1) +
                                           ",\"field_of_some_length_f28999\"]}")};
  for (int i = 0; i < 3'000; ++i) {
    CAF_CHECK(none.match(*e, {}).reason == match_reason::field_unchanged);
    CAF_CHECK(last.match(*e, {}).reason == match_reason::matched);
  }
}

CAF_TEST(an index finds what a search finds) {
  std::string object = "{";
  std::vector<std::string> names;
  for (int i = 0; i < 3'000; ++i) {
    const auto escaped = i % 3 == 0;
    names.push_back((escaped ? "n\xC3\xA9" : "n") + std::to_string(i));
    object += (i > 0 ? " , \"" : " \"") + (escaped ? "\\u006e\\u00e9" + std::to_string(i) : names.back()) +
              "\" : " + std::to_string(i);
  }
  object += "}";
  const member_index index{object};
  for (const auto& name : names) {
    CAF_CHECK(!index.find(name).empty());
    CAF_CHECK(index.find(name).data() == find_member(object, name).data());
    CAF_CHECK(index.find(name + "x").empty());
  }
  CAF_CHECK_EQUAL(std::string{index.find("n\xC3\xA9"
                                         "2997")},
                  "2997"s);
  CAF_CHECK(index.find("").empty());
  CAF_CHECK_EQUAL(std::string{member_index{R"({"":1,"a":2})"}.find("")}, "1"s);
  for (const char* none : {"", "[]", "{}", "7", "null"})
    CAF_CHECK(member_index{none}.find("a").empty() && member_index{none}.empty());
}

CAF_TEST(threads may ask for the first time at once) {
  const auto f = compiled(R"({"name":{"icontains":"STRASSE"},"owner.city":"Wien"})");
  const auto name = repeated(50, "Stra\xC3\x9F"
                                 "e ");
  for (int round = 0; round < 50; ++round) {
    const auto e = make(R"("record":{"name":")" + name +
                        R"(","owner":"Clients/1"},"included":{"Client/1":{"city":"Wien"}})");
    std::atomic<int> ready = 0, passed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (++ready; ready < 4;)
          std::this_thread::yield();
        passed += f.failing(*e) == nullptr ? 1 : 0;
      });
    for (auto& t : threads)
      t.join();
    CAF_CHECK_EQUAL(passed.load(), 4);
  }
}
