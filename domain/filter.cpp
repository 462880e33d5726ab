#include "domain/filter.hpp"

#include "domain/entity_names.hpp"
#include "domain/event_lookups.hpp"
#include "domain/filter_path.hpp"
#include "domain/filter_value.hpp"
#include "domain/json_gate.hpp"

#include <algorithm>
#include <array>
#include <bitset>

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

std::string_view trim(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

/// Where a path begins in an event that brings changes but no record: at the field's new value. False when
/// the event doesn't tell it.
bool find_new_value(const event& e, const std::vector<std::string>& segments, std::string_view& start,
                    std::size_t& next) {
  if (e.how == action::Delete)
    return false;
  auto change = e.lookups().changes().find(segments[0]);
  if (type_of(change) == json_type::object && segments.size() > 1) { // nested custom fields
    change = find_member(change, segments[1]);
    next = 2;
  }
  array_reader pair{change};
  return pair.next(start) && pair.next(start);
}

std::bitset<entity_count> entities_with_enum(std::string_view field) {
  std::bitset<entity_count> result;
  for (std::size_t i = 0; i < entity_count; ++i)
    result[i] = is_enum(static_cast<entity>(i), field);
  return result;
}

} // namespace

struct filter::condition {
  std::string path;
  std::vector<std::string> segments;
  op how = op::eq;
  std::vector<filter_operand> operands;
  std::bitset<entity_count> enum_of; ///< the entities whose field this is an enum

  /// Whether it holds for what the path leads to from `start` on, by its segments from `next` on.
  bool holds(std::string_view start, std::size_t next, const enum_field* e,
             const event_lookups* lookups) const {
    path_walker walker{segments, lookups};
    const auto leads_to = [&](auto see) { return walker.walk(start, next, see); };
    switch (how) {
    case op::null:
    case op::not_null:
      return leads_to([](std::string_view value) { return !is_null(value); }) == (how == op::not_null);
    case op::empty:
    case op::not_empty:
      return leads_to([](std::string_view value) { return !is_empty(value); }) == (how == op::not_empty);
    default:
      break;
    }
    bool anything = false;
    const bool found = leads_to([&](std::string_view value) {
      anything = true;
      return any(value, e, lookups);
    });
    return (found || (!anything && one("null", e, lookups))) != (how == op::unequal || how == op::iunequal);
  }

private:
  /// Whether the value, or an element of it when it is a list, satisfies any of the operands.
  bool any(std::string_view value, const enum_field* e, const event_lookups* lookups) const {
    if (type_of(value) != json_type::array)
      return one(value, e, lookups);
    std::string_view element;
    for (array_reader reader{value}; reader.next(element);)
      if (one(element, e, lookups))
        return true;
    return false;
  }

  bool one(std::string_view json, const enum_field* e, const event_lookups* lookups) const {
    record_value value{json, e, lookups};
    if (how == op::between) {
      const auto low = order(value, operands[0]);
      const auto high = order(value, operands[1]);
      return low && high && *low >= 0 && *high <= 0;
    }
    return std::any_of(operands.begin(), operands.end(),
                       [&](const filter_operand& operand) { return compare(value, operand); });
  }

  bool compare(record_value& value, const filter_operand& operand) const {
    switch (how) {
    case op::contains:
      return matches_text(value, operand, text_match::contains, false);
    case op::starts:
      return matches_text(value, operand, text_match::starts, false);
    case op::ends:
      return matches_text(value, operand, text_match::ends, false);
    case op::icontains:
      return matches_text(value, operand, text_match::contains, true);
    case op::istarts:
      return matches_text(value, operand, text_match::starts, true);
    case op::iends:
      return matches_text(value, operand, text_match::ends, true);
    case op::ieq:
    case op::iunequal:
      return equals(value, operand, true);
    case op::eq:
    case op::unequal:
      return equals(value, operand, false);
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
    if (made.segments.size() > max_path_segments)
      return fail(path, "leads over more than " + std::to_string(max_path_segments) + " members");
    made.enum_of = entities_with_enum(path);
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
      if (element.size() > max_filter_value_bytes)
        return fail(made.path, "a value is longer than " + std::to_string(max_filter_value_bytes) + " bytes");
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
    if (text.size() > max_filter_value_bytes)
      return fail(made.path, "a value is longer than " + std::to_string(max_filter_value_bytes) + " bytes");
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
  const auto& lookups = e.lookups();
  for (const auto& wanted : conditions_) {
    std::string_view start;
    std::size_t next = 1;
    if (!e.record.empty())
      start = lookups.record().find(wanted.segments[0]);
    else if (!find_new_value(e, wanted.segments, start, next))
      return &wanted.path;
    const enum_field field{e.what, wanted.path};
    const bool is_enum_here = wanted.enum_of[static_cast<std::size_t>(e.what)];
    if (!wanted.holds(start, next, is_enum_here ? &field : nullptr, &lookups))
      return &wanted.path;
  }
  return nullptr;
}

const std::string* filter::failing(std::string_view record) const {
  record = trim_json(record);
  for (const auto& wanted : conditions_)
    if (!wanted.holds(record, 0, nullptr, nullptr))
      return &wanted.path;
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
