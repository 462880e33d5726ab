#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::bench {

/// How a figure is written.
enum class unit : std::uint8_t { per_second, microseconds, milliseconds, times, kibibytes, mebibytes };

/// What a figure should reach, if anything is asked of it.
struct goal {
  enum class side : std::uint8_t { at_least, at_most } which = side::at_least;
  double value = 0;
};
inline constexpr goal at_least(double value) {
  return {goal::side::at_least, value};
}
inline constexpr goal at_most(double value) {
  return {goal::side::at_most, value};
}

/// One measured thing over all rounds.
struct figure {
  std::string label;
  unit what = unit::per_second;
  std::optional<goal> wanted;
  std::vector<double> values; ///< one a round

  double median() const;
  double lowest() const;
  double highest() const;
  /// Whether the median reaches the goal; true without one.
  bool reached() const;
};

/// A row's figures, in the order in which they were first added.
class figures {
public:
  void add(std::string_view label, unit what, double value, std::optional<goal> wanted = std::nullopt);
  const std::vector<figure>& all() const noexcept { return all_; }

private:
  std::vector<figure> all_;
};

/// "12,345/s", "7.3 µs", "1.24 ms", "5.1 ×", "1.2 KiB", "88 MiB"
std::string format_value(unit what, double value);

/// The value below which the share `q` (0…1) of `values` lies, nearest rank; 0 when there are none. Sorts.
double quantile(std::vector<std::int64_t>& values, double q);

} // namespace carillon::bench
