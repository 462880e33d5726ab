#include "domain/filter_value.hpp"

#include "domain/entity_names.hpp"
#include "domain/text_fold.hpp"

namespace carillon::domain {

namespace {

/// The name behind an enum's number, or an empty view.
std::string_view enum_name(std::string_view digits, const enum_field* e) {
  if (e == nullptr || digits.size() != 1 || digits[0] < '0' || digits[0] > '9')
    return {};
  const auto* found = find_enum(e->of, e->field, digits[0] - '0');
  return found == nullptr ? std::string_view{} : found->name;
}

bool equal_texts(std::string_view value, const filter_operand& wanted, bool fold) {
  return fold ? fold_case(value) == wanted.folded : value == wanted.text;
}

bool equal_strings(const std::string& value, const filter_operand& wanted, bool fold, const enum_field* e) {
  if (wanted.type == json_type::number) {
    const auto number = parse_decimal(value);
    return (number && *number == *wanted.number) || (!value.empty() && enum_name(wanted.text, e) == value);
  }
  if (wanted.moment)
    if (const auto moment = parse_iso_instant(value))
      return *moment == *wanted.moment;
  return equal_texts(value, wanted, fold);
}

bool equal_number(std::string_view value, const filter_operand& wanted, bool fold, const enum_field* e) {
  if (wanted.number)
    return decimal{value} == *wanted.number;
  const auto name = enum_name(value, e);
  return !name.empty() && equal_texts(name, wanted, fold);
}

bool has_text(std::string_view text, const filter_operand& wanted, text_match how, bool fold) {
  const auto folded = fold ? fold_case(text) : std::string{};
  const std::string_view in = fold ? std::string_view{folded} : text;
  const std::string_view part = fold ? wanted.folded : wanted.text;
  switch (how) {
  case text_match::contains:
    return in.find(part) != std::string_view::npos;
  case text_match::starts:
    return in.starts_with(part);
  default:
    return in.ends_with(part);
  }
}

} // namespace

filter_operand make_operand(std::string_view value) {
  if (type_of(value) == json_type::string)
    return text_operand(string_value(value));
  filter_operand result;
  result.type = type_of(value);
  result.text = value;
  result.folded = value;
  if (result.type == json_type::number)
    result.number = decimal{value};
  return result;
}

filter_operand text_operand(std::string text) {
  filter_operand result;
  result.type = json_type::string;
  result.folded = fold_case(text);
  result.number = parse_decimal(text);
  result.moment = parse_iso_instant(text);
  result.text = std::move(text);
  return result;
}

bool equals(std::string_view value, const filter_operand& wanted, bool fold, const enum_field* e) {
  switch (type_of(value)) {
  case json_type::string:
    return (wanted.type == json_type::string || wanted.type == json_type::number) &&
           equal_strings(string_value(value), wanted, fold, e);
  case json_type::number:
    return (wanted.type == json_type::string || wanted.type == json_type::number) &&
           equal_number(value, wanted, fold, e);
  case json_type::boolean:
    return (wanted.type == json_type::boolean || wanted.type == json_type::string) && value == wanted.text;
  case json_type::null:
    return wanted.type == json_type::null;
  default:
    return false;
  }
}

std::optional<std::strong_ordering> order(std::string_view value, const filter_operand& wanted) {
  const auto type = type_of(value);
  if (type == json_type::number)
    return wanted.number ? std::optional{decimal{value} <=> *wanted.number} : std::nullopt;
  if (type != json_type::string)
    return std::nullopt;
  const auto text = string_value(value);
  if (wanted.type == json_type::number) {
    const auto number = parse_decimal(text);
    return number ? std::optional{*number <=> *wanted.number} : std::nullopt;
  }
  if (wanted.type != json_type::string)
    return std::nullopt;
  if (wanted.moment) {
    const auto moment = parse_iso_instant(text);
    return moment ? std::optional{*moment <=> *wanted.moment} : std::nullopt;
  }
  return text.compare(wanted.text) <=> 0;
}

bool matches_text(std::string_view value, const filter_operand& wanted, text_match how, bool fold,
                  const enum_field* e) {
  const auto type = type_of(value);
  if (type == json_type::string)
    return has_text(string_value(value), wanted, how, fold);
  if (type != json_type::number)
    return false;
  const auto name = enum_name(value, e);
  return has_text(value, wanted, how, fold) || (!name.empty() && has_text(name, wanted, how, fold));
}

} // namespace carillon::domain
