#include "domain/field_changes.hpp"

#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"

#include <algorithm>
#include <map>

namespace carillon::domain {

namespace {

constexpr std::string_view json_null = "null";

/// Custom fields of one record by id, in their order.
std::vector<named_value> custom_fields(std::string_view value) {
  std::vector<named_value> result;
  if (type_of(value) == json_type::object) {
    json_member member;
    for (object_reader reader{value}; reader.next(member);)
      result.push_back({member.name(), member.value});
    return result;
  }
  std::string_view element;
  for (array_reader reader{value}; reader.next(element);) {
    const auto id = find_member(element, "custom_field_definition_id");
    if (id.empty())
      return {};
    const auto held = find_member(element, "value");
    result.push_back({type_of(id) == json_type::string ? string_value(id) : std::string{id},
                      held.empty() ? json_null : held});
  }
  return result;
}

/// Whether the differences of two `custom_fields` can be told field by field.
bool comparable(std::string_view value, const std::vector<named_value>& fields) {
  const auto type = type_of(value);
  return type == json_type::none || type == json_type::null || type == json_type::object || !fields.empty() ||
         value == "[]";
}

std::vector<named_value> members_in_order(std::string_view object) {
  std::vector<named_value> result;
  json_member member;
  for (object_reader reader{object}; reader.next(member);)
    result.push_back({member.name(), member.value});
  return result;
}

void compare(const std::vector<named_value>& before, const std::vector<named_value>& after, bool custom,
             std::vector<field_change>& result);

void compare_custom(std::string_view before, std::string_view after, std::vector<field_change>& result) {
  const auto left = custom_fields(before);
  const auto right = custom_fields(after);
  if (comparable(before, left) && comparable(after, right))
    compare(left, right, true, result);
  else if (!same_json(before, after))
    result.push_back({std::string{custom_fields_member}, false, before, after});
}

void compare(const std::vector<named_value>& before, const std::vector<named_value>& after, bool custom,
             std::vector<field_change>& result) {
  std::map<std::string_view, std::string_view> old_values;
  for (const auto& member : before)
    old_values.emplace(member.name, member.value);
  const auto add = [&](const std::string& name, std::string_view was, std::string_view is) {
    if (!custom && name == custom_fields_member)
      compare_custom(was, is, result);
    else if (!same_json(was, is))
      result.push_back({name, custom, was, is});
  };
  for (const auto& member : after) {
    const auto old = old_values.find(member.name);
    add(member.name, old == old_values.end() ? json_null : old->second, member.value);
    if (old != old_values.end())
      old_values.erase(old);
  }
  for (const auto& member : before)
    if (old_values.contains(member.name))
      add(member.name, member.value, json_null);
}

} // namespace

std::string check_changes(json_outline::reader changes, std::vector<field_change>& found,
                          std::string& pointer) {
  const auto add = [&found](const json_part& from, bool custom) {
    auto pair = from.inside;
    json_part before, after, more;
    if (type_of(from.value) != json_type::array || !pair.next(before) || !pair.next(after) ||
        pair.next(more))
      return false;
    found.push_back({from.name(), custom, before.value, after.value});
    return true;
  };
  constexpr const char* no_pair = "must be a pair [old, new]";
  json_part member;
  while (changes.next(member)) {
    if (member.is(custom_fields_member) && type_of(member.value) == json_type::object) {
      json_part field;
      for (auto fields = member.inside; fields.next(field);)
        if (!add(field, true)) {
          append_pointer(pointer, custom_fields_member);
          append_pointer(pointer, field.name());
          return no_pair;
        }
    } else if (!add(member, false)) {
      append_pointer(pointer, member.name());
      return no_pair;
    }
  }
  return {};
}

std::vector<field_change> read_changes(std::string_view changes) {
  std::vector<field_change> found;
  const auto add = [&found](const json_member& from, bool custom) {
    auto& change = found.emplace_back(field_change{from.name(), custom, {}, {}});
    array_reader pair{from.value};
    pair.next(change.before);
    pair.next(change.after);
  };
  json_member member, field;
  for (object_reader reader{changes}; reader.next(member);)
    if (member.is(custom_fields_member) && type_of(member.value) == json_type::object) {
      for (object_reader fields{member.value}; fields.next(field);)
        add(field, true);
    } else {
      add(member, false);
    }
  return found;
}

std::vector<field_change> compare_records(std::string_view previous, std::string_view record) {
  std::vector<field_change> result;
  compare(members_in_order(previous), members_in_order(record), false, result);
  return result;
}

} // namespace carillon::domain
