#include "domain/notification_body.hpp"

#include "crypto/hash.hpp"
#include "domain/dialects/copper_body.hpp"
#include "domain/field_changes.hpp"
#include "domain/json_write.hpp"

namespace carillon::domain {

namespace {

/// Keys are compared within one account's subscription only, and must be the same after a restart.
constexpr std::array<std::uint8_t, 16> merge_key_seed{'m', 'e', 'r', 'g', 'e'};

/// The field that a sample update changes when the subscription watches none in particular.
constexpr std::string_view sample_field = "name";
constexpr std::string_view sample_change = R"(["Old value","New value"])";

/// The `changes` of a sample: `path` is a field, or `custom_fields.<id>`.
void write_sample_change(object_writer& e, std::string_view path) {
  object_writer changes{e.open("changes")};
  const auto dot = path.find('.');
  if (dot != std::string_view::npos && path.substr(0, dot) == custom_fields_member) {
    object_writer custom{changes.open(custom_fields_member)};
    custom.raw(path.substr(dot + 1), sample_change);
    custom.close();
  } else
    changes.raw(path, sample_change);
  changes.close();
}

} // namespace

rendered_body render_body(const compiled_subscription& s, std::string_view, std::span<const body_part> parts,
                          secrets how) {
  return render_copper(s.source(), parts, how);
}

std::uint64_t merge_key(const compiled_subscription& s, const event& e, action as) {
  const auto& source = s.source();
  if (source.speaks != dialect::copper)
    return 0;
  const auto attributes =
      copper_updated_attributes(e, as, source.copper.custom_field_computed_values.value_or(false));
  return crypto::siphash24(merge_key_seed, attributes);
}

std::uint32_t records_per_notification(const compiled_subscription&) { return copper_ids_per_notification; }

std::uint32_t chunk_delay(const compiled_subscription&) { return 0; }

event_ptr sample_event(const compiled_subscription& s) {
  const auto& source = s.source();
  const auto what = *copper_entity(source.copper.type);
  const auto how = *copper_action(source.copper.event);
  std::string text;
  object_writer e{text};
  e.text("entity", to_string(what)).text("action", to_string(how)).number("record_id", 1);
  if (how == action::Update)
    write_sample_change(
        e, source.on_field_change.empty() ? sample_field : std::string_view{source.on_field_change.front()});
  e.close();
  return parse_stored_event(text);
}

} // namespace carillon::domain
