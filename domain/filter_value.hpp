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

/// One value of a record, read in the forms that comparisons ask for: in each once, however many operands it
/// is compared with. Short-lived; the text must outlive it.
class record_value {
public:
  /// `json`: a value without the white space around it. `e`: the enum field it is of, or nullptr. `lookups`:
  /// those of the event that it stands in, or nullptr.
  record_value(std::string_view json, const enum_field* e, const event_lookups* lookups);
  record_value(const record_value&) = delete;

  json_type type() const { return type_; }
  /// A string's characters; the JSON of anything else.
  std::string_view text();
  /// `text()` with its case folded.
  std::string_view folded();
  /// The number it is, or that a string reads as.
  const std::optional<decimal>& number();
  /// The instant that a string reads as.
  const std::optional<instant>& moment();
  /// The name behind an enum's number, else empty.
  std::string_view enum_name() const;
  /// Whether this text is a number of the enum whose name the value holds.
  bool is_named(std::string_view digits);

private:
  std::string_view json_;
  json_type type_;
  const enum_field* enum_;
  const event_lookups* lookups_;
  bool has_text_ = false, has_folded_ = false, has_number_ = false, has_moment_ = false;
  std::string_view text_, folded_;
  std::string unescaped_, folded_buffer_;
  std::optional<decimal> number_;
  std::optional<instant> moment_;
};

enum class text_match : std::uint8_t { contains, starts, ends };

/// Whether the record's value equals the operand. Numbers and numeric strings meet by value, ISO dates as
/// instants, enum values by number and by name.
bool equals(record_value& value, const filter_operand& wanted, bool fold);

/// How the value is ordered against the operand: numbers, instants, or strings by code point. Nothing between
/// others.
std::optional<std::strong_ordering> order(record_value& value, const filter_operand& wanted);

/// Whether the value's text contains, starts or ends with the operand's. Numbers count by their digits, enum
/// values also by their names.
bool matches_text(record_value& value, const filter_operand& wanted, text_match how, bool fold);

} // namespace carillon::domain
