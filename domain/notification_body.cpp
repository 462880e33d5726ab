#include "domain/notification_body.hpp"

#include "crypto/hash.hpp"
#include "domain/dialects/copper_body.hpp"
#include "domain/dialects/pipeliner_body.hpp"
#include "domain/dialects/pipeliner_options.hpp"
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

/// The pair that a sample is an event of: for a wildcard the first one it stands for.
std::pair<entity, action> sample_names(const compiled_subscription& s) {
  const auto& source = s.source();
  if (source.speaks == dialect::copper)
    return {*copper_entity(source.copper.type), *copper_action(source.copper.event)};
  for (std::size_t i = 0; i < entity_count; ++i)
    for (const auto a :
         {action::Update, action::Create, action::Delete, action::DocumentLinked, action::OwnerChanged,
          action::Move, action::Lost, action::Won, action::Qualify, action::BackToLead, action::Comment})
      if (s.concerns(static_cast<entity>(i), a))
        return {static_cast<entity>(i), a};
  return {entity::Account, action::Update};
}

/// The field that a sample update changes, so that the subscription's gates let it through.
std::string sample_path(const compiled_subscription& s, entity what) {
  if (!s.source().on_field_change.empty())
    return s.source().on_field_change.front();
  if (const auto* options = s.pipeliner())
    for (const auto& one : options->entities)
      if (!one.on_field_change.empty() &&
          (one.name == to_string(what) || (what == entity::CustomEntity && !parse_entity(one.name))))
        return one.on_field_change.front();
  return std::string{sample_field};
}

} // namespace

rendered_body render_body(const compiled_subscription& s, std::string_view account,
                          std::span<const body_part> parts, secrets how) {
  return s.pipeliner() == nullptr ? render_copper(s.source(), parts, how)
                                  : render_pipeliner(s, account, parts, how);
}

std::uint64_t merge_key(const compiled_subscription& s, const event& e, action as) {
  const auto& source = s.source();
  if (source.speaks != dialect::copper)
    return 0; // items of any kind share a POST
  std::string made;
  const auto attributes =
      copper_updated_attributes(e, as, source.copper.custom_field_computed_values.value_or(false), made);
  return crypto::siphash24(merge_key_seed, attributes);
}

std::uint32_t records_per_notification(const compiled_subscription& s) {
  return s.pipeliner() == nullptr ? copper_ids_per_notification : s.pipeliner()->chunk_size;
}

std::uint32_t chunk_delay(const compiled_subscription& s) {
  return s.pipeliner() == nullptr ? 0 : s.pipeliner()->chunk_delay;
}

event_ptr sample_event(const compiled_subscription& s) {
  const auto [what, how] = sample_names(s);
  std::string text;
  object_writer e{text};
  e.text("entity", to_string(what)).text("action", to_string(how)).number("record_id", 1);
  if (const auto* options = s.pipeliner()) {
    e.raw("record", R"({"id":"1","name":"Sample"})");
    if (what == entity::CustomEntity && !options->custom_entities.empty())
      e.text("custom_entity", options->custom_entities.front());
  }
  if (how == action::Update)
    write_sample_change(e, sample_path(s, what));
  e.close();
  return parse_stored_event(text);
}

} // namespace carillon::domain
