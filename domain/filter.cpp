#include "domain/filter.hpp"

#include "domain/entity_names.hpp"
#include "domain/field_changes.hpp"
#include "domain/filter_value.hpp"
#include "domain/included.hpp"
#include "domain/json_gate.hpp"

#include <algorithm>
#include <array>

namespace carillon::domain {

namespace {

enum class op : std::uint8_t {
  eq,
  ieq,
  unequal,
  iunequal,
  contains,
  starts,
  ends,
  icontains,
  istarts,
  iends,
  null,
  not_null,
  empty,
  not_empty,
  gt,
  gte,
  lt,
  lte,
  between,
};
constexpr std::array<std::string_view, 19> op_names{
    "eq",   "ieq",      "not-eq", "not-ieq",   "contains", "starts", "ends", "icontains", "istarts", "iends",
    "null", "not-null", "empty",  "not-empty", "gt",       "gte",    "lt",   "lte",       "between"};

std::optional<op> parse_op(std::string_view name) {
  const auto found = std::find(op_names.begin(), op_names.end(), name);
  if (found == op_names.end())
    return std::nullopt;
  return static_cast<op>(found - op_names.begin());
}

bool takes_no_value(op o) {
  return o >= op::null && o <= op::not_empty;
}

op opposite(op o) {
  switch (o) {
  case op::null:
    return op::not_null;
  case op::not_null:
    return op::null;
  case op::empty:
    return op::not_empty;
  default:
    return op::empty;
  }
}

bool is_null(std::string_view value) {
  return type_of(value) == json_type::null;
}

bool is_empty(std::string_view value) {
  if (is_null(value) || value == "\"\"")
    return true;
  std::string_view element;
  return type_of(value) == json_type::array && !array_reader{value}.next(element);
}

/// Collects what a path leads to from `value` on; nothing where it leads nowhere.
class resolver {
public:
  resolver(const std::vector<std::string>& segments, std::string_view included)
      : segments_(segments), included_(included) {}

  void walk(std::string_view value, std::size_t next) {
    if (next == segments_.size()) {
      found.push_back(value);
      return;
    }
    switch (type_of(value)) {
    case json_type::object:
      if (const auto member = find_member(value, segments_[next]); !member.empty())
        walk(member, next + 1);
      break;
    case json_type::array: {
      std::string_view element;
      for (array_reader reader{value}; reader.next(element);)
        if (!custom_field(element, next))
          walk(element, next);
      break;
    }
    case json_type::string:
      if (const auto record = find_included(included_, string_value(value));
          type_of(record) == json_type::object)
        walk(record, next);
      break;
    default:
      break;
    }
  }

  std::vector<std::string_view> found;

private:
  /// Copper's list form of custom fields: the path's next segment is the id in one of its elements.
  bool custom_field(std::string_view element, std::size_t next) {
    if (next == 0 || segments_[next - 1] != custom_fields_member)
      return false;
    const auto id = find_member(element, "custom_field_definition_id");
    if (id.empty())
      return false;
    if (id == segments_[next] || string_is(id, segments_[next]))
      if (const auto value = find_member(element, "value"); !value.empty())
        walk(value, next + 1);
    return true;
  }

  const std::vector<std::string>& segments_;
  std::string_view included_;
};

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> result;
  for (;;) {
    const auto dot = path.find('.');
    result.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos)
      return result;
    path.remove_prefix(dot + 1);
  }
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

} // namespace

struct filter::condition {
  std::string path;
  std::vector<std::string> segments;
  op how = op::eq;
  std::vector<filter_operand> operands;

  bool holds(const std::vector<std::string_view>& values, const enum_field* e) const {
    switch (how) {
    case op::null:
    case op::not_null:
      return std::all_of(values.begin(), values.end(), is_null) == (how == op::null);
    case op::empty:
    case op::not_empty:
      return std::all_of(values.begin(), values.end(), is_empty) == (how == op::empty);
    case op::unequal:
    case op::iunequal:
      return !any(values, e);
    default:
      return any(values, e);
    }
  }

private:
  /// Whether any of the values, or an element of one that is a list, satisfies any of the operands.
  bool any(const std::vector<std::string_view>& values, const enum_field* e) const {
    if (values.empty())
      return one("null", e);
    return std::any_of(values.begin(), values.end(), [&](std::string_view value) {
      if (type_of(value) != json_type::array)
        return one(value, e);
      std::string_view element;
      for (array_reader reader{value}; reader.next(element);)
        if (one(element, e))
          return true;
      return false;
    });
  }

  bool one(std::string_view value, const enum_field* e) const {
    if (how == op::between) {
      const auto low = order(value, operands[0]);
      const auto high = order(value, operands[1]);
      return low && high && *low >= 0 && *high <= 0;
    }
    return std::any_of(operands.begin(), operands.end(),
                       [&](const filter_operand& operand) { return compare(value, operand, e); });
  }

  bool compare(std::string_view value, const filter_operand& operand, const enum_field* e) const {
    switch (how) {
    case op::contains:
      return matches_text(value, operand, text_match::contains, false, e);
    case op::starts:
      return matches_text(value, operand, text_match::starts, false, e);
    case op::ends:
      return matches_text(value, operand, text_match::ends, false, e);
    case op::icontains:
      return matches_text(value, operand, text_match::contains, true, e);
    case op::istarts:
      return matches_text(value, operand, text_match::starts, true, e);
    case op::iends:
      return matches_text(value, operand, text_match::ends, true, e);
    case op::ieq:
    case op::iunequal:
      return equals(value, operand, true, e);
    case op::eq:
    case op::unequal:
      return equals(value, operand, false, e);
    default:
      break;
    }
    const auto ordering = order(value, operand);
    if (!ordering)
      return false;
    return how == op::gt    ? *ordering > 0
           : how == op::gte ? *ordering >= 0
           : how == op::lt  ? *ordering < 0
                            : *ordering <= 0;
  }
};

/// Turns JSON into conditions and stops at the first thing that is wrong.
struct filter::compiler {
  filter_fault& fault;
  std::vector<condition> conditions;

  bool fail(std::string_view path, std::string detail) {
    fault = {std::string{path}, std::move(detail)};
    return false;
  }

  bool is_object(std::string_view json) {
    if (check_json(json) || type_of(trim_json(json)) != json_type::object)
      return fail({}, "must be an object of fields");
    return true;
  }

  bool add(const std::string& path, op how, std::string_view value) {
    if (conditions.size() == max_filter_conditions)
      return fail(path, "more than " + std::to_string(max_filter_conditions) + " conditions");
    condition made;
    made.path = path;
    made.segments = split_path(path);
    made.how = how;
    if (std::any_of(made.segments.begin(), made.segments.end(), [](const auto& s) { return s.empty(); }))
      return fail(path, "is no dotted path");
    if (!takes_no_value(how) && !add_operands(made, value))
      return false;
    conditions.push_back(std::move(made));
    return true;
  }

  bool add_operands(condition& made, std::string_view value) {
    if (value.empty())
      return fail(made.path, "a value is missing");
    if (made.how == op::between && type_of(value) == json_type::string)
      return add_range(made, string_value(value));
    std::string_view element = value;
    array_reader reader{value};
    const bool list = type_of(value) == json_type::array;
    while (!list || reader.next(element)) {
      const auto type = type_of(element);
      if (type == json_type::object || type == json_type::array)
        return fail(made.path, "a value must be a string, a number, a boolean or null");
      if (type == json_type::null && made.how > op::iunequal)
        return fail(made.path, "null cannot be compared this way");
      if (made.operands.size() == max_filter_values)
        return fail(made.path, "more than " + std::to_string(max_filter_values) + " values");
      made.operands.push_back(make_operand(element));
      if (!list)
        break;
    }
    if (made.operands.empty())
      return fail(made.path, "a value is missing");
    if (made.how == op::between && made.operands.size() != 2)
      return fail(made.path, "\"between\" takes two values, [low, high] or \"low,high\"");
    return true;
  }

  bool add_range(condition& made, const std::string& text) {
    const auto comma = text.find(',');
    if (comma == std::string::npos || text.find(',', comma + 1) != std::string::npos)
      return fail(made.path, "\"between\" takes two values, [low, high] or \"low,high\"");
    const std::string_view both{text};
    made.operands.push_back(text_operand(std::string{trim(both.substr(0, comma))}));
    made.operands.push_back(text_operand(std::string{trim(both.substr(comma + 1))}));
    if (made.operands[0].text.empty() || made.operands[1].text.empty())
      return fail(made.path, "a value is missing");
    return true;
  }

  /// A member of a native filter whose value is an object: operators with their values.
  bool add_operators(const std::string& path, std::string_view operators) {
    std::size_t count = 0;
    json_member member;
    for (object_reader reader{operators}; reader.next(member); ++count) {
      const auto how = parse_op(member.name());
      if (!how)
        return fail(path, "unknown operator \"" + member.name() + '"');
      if (takes_no_value(*how) && type_of(member.value) != json_type::boolean)
        return fail(path, '"' + member.name() + "\" takes true or false");
      const bool turned = takes_no_value(*how) && member.value == "false";
      if (!add(path, turned ? opposite(*how) : *how, member.value))
        return false;
    }
    return count > 0 || fail(path, "a value is missing");
  }
};

filter::filter(std::vector<condition> conditions) : conditions_(std::move(conditions)) {}
filter::filter(filter&&) noexcept = default;
filter& filter::operator=(filter&&) noexcept = default;
filter::~filter() = default;

const std::string* filter::failing(const event& e) const {
  for (const auto& wanted : conditions_) {
    resolver values{wanted.segments, e.included};
    if (!e.record.empty())
      values.walk(e.record, 0);
    else {
      if (e.how == action::Delete || e.changes.empty())
        return &wanted.path;
      auto change = find_member(e.changes, wanted.segments[0]);
      std::size_t next = 1;
      if (type_of(change) == json_type::object && wanted.segments.size() > 1) { // nested custom fields
        change = find_member(change, wanted.segments[1]);
        next = 2;
      }
      std::string_view after;
      array_reader pair{change};
      if (!pair.next(after) || !pair.next(after))
        return &wanted.path;
      values.walk(after, next);
    }
    const enum_field field{e.what, wanted.path};
    if (!wanted.holds(values.found, is_enum(e.what, wanted.path) ? &field : nullptr))
      return &wanted.path;
  }
  return nullptr;
}

const std::string* filter::failing(std::string_view record) const {
  record = trim_json(record);
  for (const auto& wanted : conditions_) {
    resolver values{wanted.segments, {}};
    values.walk(record, 0);
    if (!wanted.holds(values.found, nullptr))
      return &wanted.path;
  }
  return nullptr;
}

std::optional<filter> compile_filter(std::string_view json, filter_fault& fault) {
  filter::compiler made{fault, {}};
  if (!made.is_object(json))
    return std::nullopt;
  json_member member;
  for (object_reader reader{trim_json(json)}; reader.next(member);) {
    const auto path = member.name();
    const bool good = type_of(member.value) == json_type::object ? made.add_operators(path, member.value)
                                                                 : made.add(path, op::eq, member.value);
    if (!good)
      return std::nullopt;
  }
  return filter{std::move(made.conditions)};
}

std::optional<filter> compile_pipeliner_filter(std::string_view values, std::string_view operators,
                                               filter_fault& fault) {
  filter::compiler made{fault, {}};
  if ((!values.empty() && !made.is_object(values)) || (!operators.empty() && !made.is_object(operators)))
    return std::nullopt;
  values = trim_json(values);
  operators = trim_json(operators);
  json_member member;
  for (object_reader reader{values}; reader.next(member);) {
    const auto path = member.name();
    const auto named = find_member(operators, path);
    const auto how = named.empty() ? op::eq : parse_op(string_value(named));
    if (!how) {
      fault = {path, "unknown operator " + std::string{named}};
      return std::nullopt;
    }
    if (!made.add(path, *how, member.value))
      return std::nullopt;
  }
  for (object_reader reader{operators}; reader.next(member);) {
    const auto path = member.name();
    if (!find_member(values, path).empty())
      continue;
    const auto how =
        type_of(member.value) == json_type::string ? parse_op(string_value(member.value)) : std::nullopt;
    if (!how)
      fault = {path, "unknown operator " + std::string{member.value}};
    if (!how || !made.add(path, *how, {}))
      return std::nullopt;
  }
  return filter{std::move(made.conditions)};
}

bool is_filter_operator(std::string_view name) {
  return parse_op(name).has_value();
}

} // namespace carillon::domain
