#pragma once

#include "domain/event.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::domain {

/// What is wrong with a filter, and at which of its fields.
struct filter_fault {
  std::string path; ///< the field's dotted path, empty when the whole is meant
  std::string detail;
};

/// At most so many conditions make a filter, so many values one condition, and so many bytes one value.
inline constexpr std::size_t max_filter_conditions = 64;
inline constexpr std::size_t max_filter_values = 200;
inline constexpr std::size_t max_filter_value_bytes = 4'096;

/// Conditions on an event's record, compiled once; all must hold.
///
/// A dotted path leads through objects, through every element of a list, and through a relation's URI into
/// the event's `included`. The filter sees the record after the change; an event that brings changes but no
/// record is judged by its new values as far as it tells them. What an event doesn't tell, and a Delete
/// without a record, does not match.
///
/// A condition costs one reading of the record's field at most, and one of `included` for each member that
/// its path has; the fields of a record and its relations are found by an index that the event keeps.
class filter {
public:
  filter(filter&&) noexcept;
  filter& operator=(filter&&) noexcept;
  ~filter();

  /// The path of the first condition that does not hold; nullptr when the event passes.
  const std::string* failing(const event& e) const;
  /// Likewise of a bare record, a JSON object that no event brings: its relations lead nowhere, and none of
  /// its fields is an enum.
  const std::string* failing(std::string_view record) const;

private:
  struct condition;
  struct compiler;
  explicit filter(std::vector<condition> conditions);
  std::vector<condition> conditions_;

  friend std::optional<filter> compile_filter(std::string_view json, filter_fault& fault);
  friend std::optional<filter> compile_pipeliner_filter(std::string_view values, std::string_view operators,
                                                        filter_fault& fault);
};

/// Compiles a native filter: {"<dotted path>": value | [values] | {"<operator>": value | [values], …}}. A
/// plain value means `eq`, a list matches any of its values, `between` takes [low, high] or "low,high", and
/// `null`, `not-null`, `empty`, `not-empty` take true (or false for the opposite). A value null means `null`.
std::optional<filter> compile_filter(std::string_view json, filter_fault& fault);

/// Compiles Pipeliner's pair of options: `filter` {"<path>": value | [values]} and `filter-op` {"<path>":
/// "operator"} (an empty view: none). Operators without a value need no entry in `filter`.
std::optional<filter> compile_pipeliner_filter(std::string_view values, std::string_view operators,
                                               filter_fault& fault);

/// Whether the text is one of the 19 operators.
bool is_filter_operator(std::string_view name);

} // namespace carillon::domain
