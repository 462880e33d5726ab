#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::bench {

/// How a figure is written.
enum class unit : std::uint8_t {
  per_second,
  microseconds,
  milliseconds,
  times,
  kibibytes,
  mebibytes,
  megabytes,
  count
};

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

/// The drawings that `--plot` makes.
enum class plot : std::uint8_t { latency, subscriptions };

/// One point of a drawing's line over all rounds.
struct point {
  plot where{};
  std::string line;
  double x = 0;
  std::vector<double> values; ///< y, one a round
};

/// The middle one, or the mean of the middle two; 0 when there are none.
double median_of(std::vector<double> values);

/// A row's figures, in the order in which they were first added.
class figures {
public:
  void add(std::string_view label, unit what, double value, std::optional<goal> wanted = std::nullopt);
  const std::vector<figure>& all() const noexcept { return all_; }

  /// Adds to a line of a drawing; the points of a line stay in the order of their first adding.
  void draw(plot where, std::string_view line, double x, double y);
  const std::vector<point>& drawn() const noexcept { return drawn_; }

private:
  std::vector<figure> all_;
  std::vector<point> drawn_;
};

/// "12,345/s", "7.3 µs", "1.24 ms", "5.1 ×", "1.2 KiB", "88 MiB", "412 MB", "1,000,000"
std::string format_value(unit what, double value);

/// The value below which the share `q` (0…1) of `values` lies, nearest rank; 0 when there are none. Sorts.
double quantile(std::vector<std::int64_t>& values, double q);

} // namespace carillon::bench
