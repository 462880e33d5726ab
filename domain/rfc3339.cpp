#include "domain/rfc3339.hpp"

#include <algorithm>

namespace carillon::domain {

namespace {

using namespace std::chrono;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_padded(std::string& out, unsigned value, unsigned width) {
  char digits[10];
  for (unsigned i = width; i-- > 0; value /= 10)
    digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, width);
}

/// "2024-10-14", `separator`, "16:15:54.893".
std::string format_base(wall_time t, char separator) {
  static constexpr wall_time first = sys_days{year{0} / 1 / 1};
  static constexpr wall_time last = sys_days{year{10000} / 1 / 1} - milliseconds{1};
  t = std::clamp(t, first, last);
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss time{t - day};
  std::string out;
  out.reserve(32);
  append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += separator;
  append_padded(out, static_cast<unsigned>(time.hours().count()), 2);
  out += ':';
  append_padded(out, static_cast<unsigned>(time.minutes().count()), 2);
  out += ':';
  append_padded(out, static_cast<unsigned>(time.seconds().count()), 2);
  out += '.';
  append_padded(out, static_cast<unsigned>(time.subseconds().count()), 3);
  return out;
}

/// Reads fixed forms from the front of a text; the first misfit makes everything after it fail.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_(text) {}

  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  void fail() { good_ = false; }

  bool skip(char c) {
    if (!next_is(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) { good_ = skip(c) && good_; }

  /// Exactly `width` digits, from `low` to `high`.
  int number(std::size_t width, int low, int high) {
    int value = 0;
    if (rest_.size() < width)
      good_ = false;
    for (std::size_t i = 0; good_ && i < width; ++i) {
      good_ = is_digit(rest_[i]);
      value = value * 10 + (rest_[i] - '0');
    }
    good_ = good_ && value >= low && value <= high;
    if (good_)
      rest_.remove_prefix(width);
    return value;
  }

  /// At least one digit behind the decimal point, as nanoseconds.
  std::int32_t fraction() {
    std::int32_t value = 0;
    std::size_t count = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), ++count)
      if (count < 9)
        value = value * 10 + (rest_.front() - '0');
    good_ = good_ && count > 0;
    for (; count < 9; ++count)
      value *= 10;
    return value;
  }

private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<instant> parse(std::string_view text, bool strict) {
  scanner in{text};
  const int y = in.number(4, 0, 9999);
  in.expect('-');
  const int m = in.number(2, 1, 12);
  in.expect('-');
  const int d = in.number(2, 1, 31);
  if (!in.good())
    return std::nullopt;
  const auto date = year{y} / month{static_cast<unsigned>(m)} / day{static_cast<unsigned>(d)};
  if (!date.ok())
    return std::nullopt;
  instant result;
  result.seconds = duration_cast<seconds>(sys_days{date}.time_since_epoch()).count();
  if (in.at_end())
    return strict ? std::nullopt : std::optional{result};
  if (!in.skip('T') && !in.skip('t') && !in.skip(' '))
    return std::nullopt;
  const int hour = in.number(2, 0, 23);
  in.expect(':');
  const int minute = in.number(2, 0, 59);
  int second = 0;
  if (strict || in.next_is(':')) {
    in.expect(':');
    second = in.number(2, 0, 60);
    if (in.skip('.'))
      result.nanoseconds = in.fraction();
  }
  result.seconds += hour * 3600 + minute * 60 + second;
  if (in.at_end() && !strict)
    return in.good() ? std::optional{result} : std::nullopt;
  if (!in.skip('Z') && !in.skip('z')) {
    const bool west = in.next_is('-');
    if (!in.skip('+') && !in.skip('-'))
      return std::nullopt;
    const int offset_hours = in.number(2, 0, 23);
    int offset_minutes = 0;
    if (strict || !in.at_end()) {
      if (!in.skip(':') && strict)
        return std::nullopt;
      offset_minutes = in.number(2, 0, 59);
    }
    const int offset = offset_hours * 3600 + offset_minutes * 60;
    result.seconds += west ? offset : -offset;
  }
  return in.good() && in.at_end() ? std::optional{result} : std::nullopt;
}

} // namespace

std::string format_rfc3339(wall_time t) {
  return format_base(t, 'T') + 'Z';
}

std::string format_spaced(wall_time t) {
  return format_base(t, ' ') + "000+00:00";
}

std::optional<instant> parse_rfc3339_instant(std::string_view text) {
  return parse(text, true);
}

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  const auto moment = parse(text, true);
  if (!moment)
    return std::nullopt;
  return wall_time{seconds{moment->seconds} + milliseconds{moment->nanoseconds / 1'000'000}};
}

std::optional<instant> parse_iso_instant(std::string_view text) {
  return parse(text, false);
}

} // namespace carillon::domain
