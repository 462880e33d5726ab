#pragma once

#include "domain/decimal.hpp"
#include "domain/event.hpp"
#include "domain/json_slices.hpp"
#include "domain/rfc3339.hpp"

#include <optional>
#include <string>
#include <string_view>

/// How one value of a record compares with one value of a filter: by type, as far as both have the same.
namespace carillon::domain {

/// A filter's value, in every form that a comparison may want.
struct filter_operand {
  json_type type = json_type::null;
  std::string text;              ///< a string's characters, a number's or boolean's JSON
  std::string folded;            ///< `text` with its case folded
  std::optional<decimal> number; ///< also of a string that reads as a number
  std::optional<instant> moment; ///< of a string that reads as an ISO date
};

/// `value`: JSON of a string, number, boolean or null.
filter_operand make_operand(std::string_view value);
/// An operand that is the string `text`.
filter_operand text_operand(std::string text);

/// The enum field whose value is compared, if it is one: records carry numbers, people write names.
struct enum_field {
  entity of{};
  std::string_view field;
};

enum class text_match : std::uint8_t { contains, starts, ends };

/// Whether the record's value equals the operand. Numbers and numeric strings meet by value, ISO dates as
/// instants, enum values by number and by name.
bool equals(std::string_view value, const filter_operand& wanted, bool fold, const enum_field* e);

/// How the value is ordered against the operand: numbers, instants, or strings by code point. Nothing between
/// others.
std::optional<std::strong_ordering> order(std::string_view value, const filter_operand& wanted);

/// Whether the value's text contains, starts or ends with the operand's. Numbers count by their digits, enum
/// values also by their names.
bool matches_text(std::string_view value, const filter_operand& wanted, text_match how, bool fold,
                  const enum_field* e);

} // namespace carillon::domain
