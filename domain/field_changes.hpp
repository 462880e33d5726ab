#pragma once

#include "domain/json_outline.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

/// One changed field with the JSON of its values, as views into the event's texts.
struct field_change {
  std::string name;    ///< unescaped; of a custom field its id
  bool custom = false; ///< nested under `custom_fields`
  std::string_view before, after;

  /// "name", or "custom_fields.<id>".
  std::string path() const { return custom ? "custom_fields." + name : name; }
};

/// The member under which custom fields are nested.
inline constexpr std::string_view custom_fields_member = "custom_fields";

/// Reads an event's `changes`: {"field": [old, new], "custom_fields": {"id": [old, new]}}. Given are its
/// members, outlined to the elements of the pairs. Empty when it is well formed, and `found` has its fields in
/// order; else a sentence, and `pointer` names the place below `changes` ("" or "/stage").
std::string check_changes(json_outline::reader changes, std::vector<field_change>& found,
                          std::string& pointer);

/// The fields of a `changes` object that passed the check, in its order.
std::vector<field_change> read_changes(std::string_view changes);

/// The fields whose values differ between two objects: those of `record` in its order, then those that only
/// `previous` has. A missing field counts as null. Custom fields are compared one by one, whether they are
/// nested as an object or as Copper's list of {"custom_field_definition_id", "value"}.
std::vector<field_change> compare_records(std::string_view previous, std::string_view record);

} // namespace carillon::domain
