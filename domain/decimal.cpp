#include "domain/decimal.hpp"

#include <algorithm>

namespace carillon::domain {

namespace {
/// Exponents beyond it are cut off: the number is as good as infinite or zero, and sums cannot overflow.
constexpr std::int64_t largest_exponent = 1'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
} // namespace

decimal::decimal(std::string_view text) {
  sign_ = 1;
  std::size_t i = 0;
  if (!text.empty() && text.front() == '-') {
    sign_ = -1;
    i = 1;
  }
  bool fraction = false;
  for (; i < text.size() && (is_digit(text[i]) || text[i] == '.'); ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    if (digits_.empty() && text[i] == '0') {
      point_ -= fraction ? 1 : 0;
      continue;
    }
    digits_ += text[i];
    point_ += fraction ? 0 : 1;
  }
  while (!digits_.empty() && digits_.back() == '0')
    digits_.pop_back();
  if (digits_.empty()) {
    sign_ = 0;
    point_ = 0;
    return;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    bool negative = false;
    if (i < text.size() && (text[i] == '+' || text[i] == '-'))
      negative = text[i++] == '-';
    std::int64_t exponent = 0;
    for (; i < text.size() && is_digit(text[i]); ++i)
      exponent = std::min(exponent * 10 + (text[i] - '0'), largest_exponent);
    point_ += negative ? -exponent : exponent;
  }
}

std::strong_ordering decimal::operator<=>(const decimal& other) const {
  if (sign_ != other.sign_)
    return sign_ <=> other.sign_;
  auto magnitude = point_ <=> other.point_;
  if (magnitude == 0)
    magnitude = digits_.compare(other.digits_) <=> 0;
  return sign_ < 0 ? 0 <=> magnitude : magnitude;
}

std::optional<decimal> parse_decimal(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i]))
      ++i;
    return i > from;
  };
  const bool zero_first = i + 1 < text.size() && text[i] == '0' && is_digit(text[i + 1]);
  if (zero_first || !digits())
    return std::nullopt;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits())
      return std::nullopt;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-'))
      ++i;
    if (!digits())
      return std::nullopt;
  }
  if (i != text.size())
    return std::nullopt;
  return decimal{text};
}

} // namespace carillon::domain
