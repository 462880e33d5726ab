#include "domain/dialects/copper_body.hpp"

#include "domain/field_changes.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace carillon::domain {

namespace {

constexpr std::array<std::string_view, 6> body_members{"subscription_id",    "event",    "type", "ids",
                                                       "updated_attributes", "timestamp"};

/// The names of dropdown options that an event brings along. See docs/decisions/custom-field-names.md.
class option_names {
public:
  explicit option_names(std::string_view included) {
    json_member member;
    for (object_reader reader{included}; reader.next(member);)
      by_key_.emplace(member.name(), member.value);
  }

  void append_value(std::string& out, std::string_view value) const {
    if (type_of(value) != json_type::array) {
      out += name_of(value);
      return;
    }
    out += '[';
    std::string_view element;
    bool first = true;
    for (array_reader reader{value}; reader.next(element); first = false) {
      if (!first)
        out += ',';
      out += name_of(element);
    }
    out += ']';
  }

private:
  /// The name's JSON, or the value itself where none is known.
  std::string_view name_of(std::string_view value) const {
    const auto type = type_of(value);
    if (type != json_type::number && type != json_type::string)
      return value;
    const auto key = type == json_type::string ? string_value(value) : std::string{value};
    auto found = by_key_.find("CustomFieldOption/" + key);
    if (found == by_key_.end())
      found = by_key_.find(key);
    if (found == by_key_.end())
      return value;
    const auto option = found->second;
    const auto name = type_of(option) == json_type::object ? find_member(option, "name") : option;
    return type_of(name) == json_type::string ? name : value;
  }

  std::map<std::string, std::string_view> by_key_;
};

void append_pair(std::string& out, const field_change& change, const option_names* names) {
  out += '[';
  if (names != nullptr && change.custom) {
    names->append_value(out, change.before);
    out += ',';
    names->append_value(out, change.after);
  } else {
    out += change.before;
    out += ',';
    out += change.after;
  }
  out += ']';
}

std::string write_changes(const std::vector<field_change>& changes, const option_names* names) {
  std::string out;
  object_writer attributes{out};
  for (auto change = changes.begin(); change != changes.end();) {
    if (!change->custom) {
      append_pair(attributes.open(change->name), *change, names);
      ++change;
      continue;
    }
    object_writer custom{attributes.open(custom_fields_member)};
    for (; change != changes.end() && change->custom; ++change)
      append_pair(custom.open(change->name), *change, names);
    custom.close();
  }
  attributes.close();
  return out;
}

void append_ids(std::string& out, std::span<const body_part> parts) {
  out += '[';
  bool first = true;
  for (const auto& part : parts)
    for (std::uint32_t i = part.first; i < part.first + part.count; ++i) {
      const auto& id = part.source->records.at(i);
      if (!first)
        out += ',';
      first = false;
      if (id.numeric)
        out += id.text;
      else
        append_json_string(out, id.text);
    }
  out += ']';
}

} // namespace

std::optional<entity> copper_entity(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, entity>, 7> types{{
      {"lead", entity::Lead},
      {"person", entity::Contact},
      {"company", entity::Account},
      {"opportunity", entity::Opportunity},
      {"project", entity::Project},
      {"task", entity::Task},
      {"activity_log", entity::Activity},
  }};
  for (const auto& [name, e] : types)
    if (name == type)
      return e;
  return std::nullopt;
}

std::optional<action> copper_action(std::string_view event) {
  if (event == "new")
    return action::Create;
  if (event == "update")
    return action::Update;
  if (event == "delete")
    return action::Delete;
  return std::nullopt;
}

std::string_view copper_updated_attributes(const event& e, action as, bool computed_values,
                                           std::string& buffer) {
  if (as != action::Update || (e.changes.empty() && e.previous.empty()))
    return "{}";
  if (!e.changes.empty() && (!computed_values || e.included.empty()))
    return e.changes;
  const auto changes = e.changes.empty() ? compare_records(e.previous, e.record) : read_changes(e.changes);
  if (computed_values) {
    const option_names names{e.included};
    buffer = write_changes(changes, &names);
  } else
    buffer = write_changes(changes, nullptr);
  return buffer;
}

rendered_body render_copper(const subscription& s, std::span<const body_part> parts, secrets how) {
  const auto& newest = parts.back();
  const bool masked = how == secrets::masked;
  rendered_body result;
  result.body.reserve(512);
  object_writer body{result.body};
  body.number("subscription_id", raw(s.id));
  body.text("event", s.copper.event);
  body.text("type", s.copper.type);
  append_ids(body.open("ids"), parts);
  std::string made;
  body.raw("updated_attributes",
           copper_updated_attributes(*newest.source, newest.as,
                                     s.copper.custom_field_computed_values.value_or(false), made));
  body.text("timestamp", format_rfc3339(newest.source->occurred_at.value_or(newest.accepted)));
  if (s.copper.secret)
    for (const auto& [name, value] : *s.copper.secret)
      if (!is_copper_body_member(name))
        body.text(name, masked ? secret_mask : std::string_view{value});
  body.close();
  if (s.copper.headers)
    for (const auto& [name, value] : *s.copper.headers)
      result.headers.emplace_back(name, masked ? std::string{secret_mask} : value);
  return result;
}

bool is_copper_body_member(std::string_view name) {
  return std::find(body_members.begin(), body_members.end(), name) != body_members.end();
}

} // namespace carillon::domain
