#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::domain {

/// A JSON number by its value, exact to the last digit: money and 64-bit ids don't pass through floating
/// point.
class decimal {
public:
  /// `text` must be a JSON number.
  explicit decimal(std::string_view text);
  std::strong_ordering operator<=>(const decimal& other) const;
  bool operator==(const decimal& other) const { return (*this <=> other) == 0; }

private:
  int sign_ = 0;           ///< -1, 0, 1
  std::string digits_;     ///< without zeros at either end
  std::int64_t point_ = 0; ///< the value is 0.digits × 10^point
};

/// The number a text stands for when it is a JSON number and nothing else.
std::optional<decimal> parse_decimal(std::string_view text);

} // namespace carillon::domain
