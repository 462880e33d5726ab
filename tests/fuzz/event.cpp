#include "domain/event.hpp"
#include "domain/json_gate.hpp"
#include "domain/matching.hpp"
#include "domain/notification_body.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

using namespace carillon::domain;

namespace {

subscription copper() {
  subscription s;
  s.copper = {"person", "update", string_pairs{{"key", "value"}}, std::nullopt, true};
  return s;
}

subscription pipeliner() {
  subscription s;
  s.speaks = dialect::pipeliner;
  s.pipeliner.events = {"*"};
  s.pipeliner.options =
      R"({"entity":{"Contact":{"expand":["owner.boss","tasks"],"load-only":["name","owner"],)"
      R"("filter":{"name":"a","owner.x":"5"},"filter-op":{"name":"not-ieq","owner.x":"lt"}}},)"
      R"("related_entity":{"expand":["contact"]}})";
  return s;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const compiled_subscription subscriptions[] = {compiled_subscription{copper()},
                                                        compiled_subscription{pipeliner()}};
  parse_error error;
  const auto parsed = parse_events({reinterpret_cast<const char*>(data), size}, {100, 1'000}, error);
  if (!parsed) {
    if (error.detail.empty())
      std::abort();
    return 0;
  }
  for (const auto& e : parsed->events) {
    // A notification nests a record two levels deeper than the event did: only the gate's own depth would
    // object.
    const bool shallow =
        std::count_if(e->bytes.begin(), e->bytes.end(), [](char c) { return c == '{' || c == '['; }) < 30;
    const auto again = parse_stored_event(e->bytes);
    if (!again || again->digest != e->digest || again->changed_fields != e->changed_fields)
      std::abort();
    for (const auto& s : subscriptions) {
      const auto result = s.match(*e, {});
      merge_key(s, *e, result.as);
      const body_part part{e, 0, static_cast<std::uint32_t>(e->records.size()), result.as, wall_time{}};
      const auto body = render_body(s, "acme", {&part, 1}, secrets::shown).body;
      if (shallow && check_json(body))
        std::abort();
    }
  }
  return 0;
}
