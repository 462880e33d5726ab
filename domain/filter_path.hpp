#pragma once

#include "domain/event_lookups.hpp"
#include "domain/field_changes.hpp"
#include "domain/included.hpp"
#include "domain/json_slices.hpp"

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::domain {

/// At most so many members make a dotted path, so that following one is bounded.
inline constexpr std::size_t max_path_segments = 16;

/// The members that a dotted path names, in order.
std::vector<std::string> split_path(std::string_view dotted);

/// Leads one path from a value to all that it names: through objects, every element of a list, and a
/// relation's URI into the event's `included`.
///
/// A record in `included` is looked at once for each of the path's members, from wherever and however often
/// it is related: lists of relations and records that name each other cost no more than that.
class path_walker {
public:
  /// `lookups`: of the event that the values stand in; nullptr when relations lead nowhere.
  path_walker(const std::vector<std::string>& segments, const event_lookups* lookups)
      : segments_(segments), lookups_(lookups) {}

  /// Shows `see` each value that the path leads to from `value` on, by its segments from `next` on, until
  /// `see` returns true; whether it did.
  template <class See>
  bool walk(std::string_view value, std::size_t next, See& see) {
    if (value.empty())
      return false;
    if (next == segments_.size())
      return see(value);
    switch (type_of(value)) {
    case json_type::object:
      return walk(find_member(value, segments_[next]), next + 1, see);
    case json_type::array:
      return walk_list(value, next, see);
    case json_type::string:
      return walk(follow(value, next), next, see);
    default:
      return false;
    }
  }

private:
  template <class See>
  bool walk_list(std::string_view list, std::size_t next, See& see) {
    const bool custom = next > 0 && segments_[next - 1] == custom_fields_member;
    std::string_view element;
    for (leaf_reader reader{list}; reader.next(element);) {
      const auto id = custom ? find_member(element, "custom_field_definition_id") : std::string_view{};
      if (id.empty()) {
        if (walk(element, next, see))
          return true;
      } else if (id == segments_[next] || string_is(id, segments_[next])) {
        // Copper's list form of custom fields: the path's next segment is an element's id.
        if (walk(find_member(element, "value"), next + 1, see))
          return true;
      }
    }
    return false;
  }

  /// The record that a relation names; empty where there is none, or when it was looked at for this segment.
  std::string_view follow(std::string_view uri, std::size_t next);

  const std::vector<std::string>& segments_;
  const event_lookups* lookups_;
  std::set<std::pair<const char*, std::size_t>> visited_; ///< records, and the segment looked for in them
  bool followed_ = false;
};

} // namespace carillon::domain
