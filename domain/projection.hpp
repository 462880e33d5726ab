#pragma once

#include "domain/event.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace carillon::domain {

/// Dotted paths as a tree: "a.b" and "a.c" share the node a.
struct path_tree {
  std::map<std::string, path_tree, std::less<>> children;
  bool named = false; ///< a path ends here: "a" beside "a.b" names all of a

  void add(std::string_view dotted);
  const path_tree* find(std::string_view name) const;
  bool empty() const { return children.empty(); }
};

/// At most so many bytes of related records are put into one POST, as they stand in `included`: room for all
/// that one request may bring along, and an end to records that name each other many times. Records
/// themselves don't count and always go out whole.
inline constexpr std::size_t max_expanded_bytes = 16 << 20;

/// What of `max_expanded_bytes` one POST has left. Once a record doesn't fit, no other is put in.
class expansion_budget {
public:
  /// Whether a record of that size goes in; it is charged for.
  bool take(std::size_t bytes) {
    const bool fits = bytes <= left_;
    left_ = fits ? left_ - bytes : 0;
    return fits;
  }

private:
  std::size_t left_ = max_expanded_bytes;
};

/// What is shown of a record, and what is put in its relations' place.
struct projection {
  path_tree expand; ///< relations that are replaced by their record from `included`
  path_tree keep;   ///< members that are shown, and `id`; empty: all

  bool empty() const { return expand.empty() && keep.empty(); }
};

/// Appends one of the event's records as its projection, with relations resolved from the event's `included`.
/// What is neither left out nor expanded goes on as the bytes that came, white space included; where members
/// are left out, the others follow each other without.
void append_projected(std::string& out, std::string_view record, const projection& shape, const event& e,
                      expansion_budget& budget);

/// Appends an object of the relations of the event's record, those that `shape.expand` names, each resolved
/// from `included`; null for one that the record does not have.
void append_relations(std::string& out, const projection& shape, const event& e, expansion_budget& budget);

} // namespace carillon::domain
