#include "domain/filter_value.hpp"

#include "domain/entity_names.hpp"
#include "domain/event_lookups.hpp"
#include "domain/text_fold.hpp"

#include <cstring>

namespace carillon::domain {

namespace {

/// The name behind an enum's number, or an empty view.
std::string_view name_of(std::string_view digits, const enum_field* e) {
  if (e == nullptr || digits.size() != 1 || digits[0] < '0' || digits[0] > '9')
    return {};
  const auto* found = find_enum(e->of, e->field, digits[0] - '0');
  return found == nullptr ? std::string_view{} : found->name;
}

bool equal_strings(record_value& value, const filter_operand& wanted, bool fold) {
  if (wanted.type == json_type::number)
    return (value.number() && *value.number() == *wanted.number) || value.is_named(wanted.text);
  if (wanted.number && value.is_named(wanted.text))
    return true; // the number of an enum value, as a query or a form has it
  if (wanted.moment && value.moment())
    return *value.moment() == *wanted.moment;
  return fold ? value.folded() == wanted.folded : value.text() == wanted.text;
}

bool equal_number(record_value& value, const filter_operand& wanted, bool fold) {
  if (wanted.number)
    return *value.number() == *wanted.number;
  const auto name = value.enum_name();
  return !name.empty() && (fold ? fold_case(name) == wanted.folded : name == wanted.text);
}

/// Linear in both, unlike a search that may begin anew at every byte.
bool contains(std::string_view text, std::string_view part) {
  return memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

bool has_text(std::string_view text, std::string_view part, text_match how) {
  switch (how) {
  case text_match::contains:
    return contains(text, part);
  case text_match::starts:
    return text.starts_with(part);
  default:
    return text.ends_with(part);
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

record_value::record_value(std::string_view json, const enum_field* e, const event_lookups* lookups)
    : json_(json), type_(type_of(json)), enum_(e), lookups_(lookups) {}

std::string_view record_value::text() {
  if (has_text_)
    return text_;
  has_text_ = true;
  text_ = json_;
  if (type_ == json_type::string && json_.size() >= 2) {
    text_ = json_.substr(1, json_.size() - 2);
    if (text_.find('\\') != std::string_view::npos)
      text_ = unescaped_ = unescape_json(text_);
  }
  return text_;
}

std::string_view record_value::folded() {
  if (has_folded_)
    return folded_;
  has_folded_ = true;
  if (type_ == json_type::string && lookups_ != nullptr)
    folded_ = lookups_->folded(json_, folded_buffer_);
  else
    folded_ = folded_buffer_ = fold_case(text());
  return folded_;
}

const std::optional<decimal>& record_value::number() {
  if (!has_number_ && type_ == json_type::number)
    number_.emplace(json_);
  else if (!has_number_ && type_ == json_type::string)
    number_ = parse_decimal(text());
  has_number_ = true;
  return number_;
}

const std::optional<instant>& record_value::moment() {
  if (!has_moment_ && type_ == json_type::string)
    moment_ = parse_iso_instant(text());
  has_moment_ = true;
  return moment_;
}

std::string_view record_value::enum_name() const {
  return name_of(json_, enum_);
}

bool record_value::is_named(std::string_view digits) {
  const auto name = name_of(digits, enum_);
  return !name.empty() && name == text();
}

bool equals(record_value& value, const filter_operand& wanted, bool fold) {
  const bool comparable = wanted.type == json_type::string || wanted.type == json_type::number;
  switch (value.type()) {
  case json_type::string:
    return comparable && equal_strings(value, wanted, fold);
  case json_type::number:
    return comparable && equal_number(value, wanted, fold);
  case json_type::boolean:
    return (wanted.type == json_type::boolean || wanted.type == json_type::string) &&
           value.text() == wanted.text;
  case json_type::null:
    return wanted.type == json_type::null;
  default:
    return false;
  }
}

std::optional<std::strong_ordering> order(record_value& value, const filter_operand& wanted) {
  const auto numbers = [&] {
    return value.number() && wanted.number ? std::optional{*value.number() <=> *wanted.number} : std::nullopt;
  };
  if (value.type() == json_type::number)
    return numbers();
  if (value.type() != json_type::string)
    return std::nullopt;
  if (wanted.type == json_type::number)
    return numbers();
  if (wanted.type != json_type::string)
    return std::nullopt;
  if (wanted.moment)
    return value.moment() ? std::optional{*value.moment() <=> *wanted.moment} : std::nullopt;
  return value.text().compare(wanted.text) <=> 0;
}

bool matches_text(record_value& value, const filter_operand& wanted, text_match how, bool fold) {
  const std::string_view part = fold ? wanted.folded : wanted.text;
  if (value.type() == json_type::string)
    return has_text(fold ? value.folded() : value.text(), part, how);
  if (value.type() != json_type::number)
    return false;
  if (has_text(fold ? value.folded() : value.text(), part, how))
    return true;
  const auto name = value.enum_name();
  return !name.empty() && (fold ? has_text(fold_case(name), part, how) : has_text(name, part, how));
}

} // namespace carillon::domain
