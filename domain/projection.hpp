#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

/// Dotted paths as a tree: "a.b" and "a.c" share the node a.
struct path_tree {
  std::map<std::string, path_tree, std::less<>> children;

  void add(std::string_view dotted);
  const path_tree* find(std::string_view name) const;
  bool empty() const { return children.empty(); }
};

/// Above this size of the output, in bytes, relations stay URIs: records that name each other many times
/// would otherwise grow without end.
inline constexpr std::size_t max_expanded_bytes = 16 << 20;

/// What is shown of a record, and what is put in its relations' place.
struct projection {
  path_tree expand; ///< relations that are replaced by their record from `included`
  path_tree keep;   ///< members that are shown, and `id`; empty: all

  bool empty() const { return expand.empty() && keep.empty(); }
};

/// Appends a record as its projection. What is neither projected nor expanded goes on as the bytes that came.
void append_projected(std::string& out, std::string_view record, const projection& shape,
                      std::string_view included);

/// Appends an object of a record's relations, those that `shape.expand` names, each resolved from `included`;
/// null for one that the record does not have.
void append_relations(std::string& out, std::string_view record, const projection& shape,
                      std::string_view included);

} // namespace carillon::domain
