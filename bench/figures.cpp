#include "bench/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace carillon::bench {

namespace {

std::string with_commas(double value) {
  auto digits = std::to_string(std::llround(value));
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  return digits;
}

} // namespace

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  return n == 0 ? 0 : n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double figure::median() const {
  return median_of(values);
}

double figure::lowest() const {
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}
double figure::highest() const {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

bool figure::reached() const {
  if (!wanted)
    return true;
  return wanted->which == goal::side::at_least ? median() >= wanted->value : median() <= wanted->value;
}

void figures::add(std::string_view label, unit what, double value, std::optional<goal> wanted) {
  auto found = std::find_if(all_.begin(), all_.end(), [&](const figure& f) { return f.label == label; });
  if (found == all_.end())
    found = all_.insert(found, figure{std::string{label}, what, wanted, {}});
  found->values.push_back(value);
}

void figures::draw(plot where, std::string_view line, double x, double y) {
  auto found = std::find_if(drawn_.begin(), drawn_.end(),
                            [&](const point& p) { return p.where == where && p.line == line && p.x == x; });
  if (found == drawn_.end())
    found = drawn_.insert(found, point{where, std::string{line}, x, {}});
  found->values.push_back(y);
}

std::string format_value(unit what, double value) {
  switch (what) {
  case unit::per_second:
    return with_commas(value) + "/s";
  case unit::microseconds:
    return fmt::format("{:.1f} µs", value);
  case unit::milliseconds:
    return fmt::format("{:.2f} ms", value);
  case unit::times:
    return fmt::format("{:.2f} ×", value);
  case unit::kibibytes:
    return fmt::format("{:.1f} KiB", value);
  case unit::mebibytes:
    return fmt::format("{:.0f} MiB", value);
  case unit::megabytes:
    return fmt::format("{:.0f} MB", value);
  case unit::count:
    return with_commas(value);
  }
  return {};
}

double quantile(std::vector<std::int64_t>& values, double q) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return static_cast<double>(values[std::clamp<std::size_t>(rank, 1, values.size()) - 1]);
}

} // namespace carillon::bench
