#include "bench/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>
#include <string_view>

namespace carillon::bench {

namespace {

// Pixels of the drawing's own coordinates.
constexpr double width = 640, height = 360;
constexpr double left = 64, right = 560, top = 48, bottom = 304;
constexpr std::size_t most_ticks = 8;

/// As dark as they are light, so that they are seen on white and on black.
constexpr std::array<std::string_view, 4> colours{"#2f7fc1", "#d07a1d", "#c2416b", "#3b9a5f"};

constexpr std::string_view style =
    "<style>text{font:13px sans-serif;fill:#444}.t{font-weight:bold}.g{stroke:#888;stroke-opacity:.3}"
    ".l{fill:none;stroke-width:2}@media (prefers-color-scheme:dark){text{fill:#ccc}}</style>\n";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string{c};
  return out;
}

/// Where numbers are drawn.
struct frame {
  double x_from = 0, x_to = 1, y_to = 1;
  scale x_scale = scale::linear;

  double x(double value) const {
    const auto at = [&](double v) { return x_scale == scale::linear ? v : std::log10(v); };
    const auto span = at(x_to) - at(x_from);
    return span == 0 ? (left + right) / 2 : left + (at(value) - at(x_from)) / span * (right - left);
  }
  double y(double value) const { return bottom - value / y_to * (bottom - top); }
};

class drawing {
public:
  explicit drawing(const chart& what) : what_(what) {
    std::set<double> xs;
    double highest = 0;
    for (const auto& line : what.lines)
      for (const auto& [x, y] : line.points) {
        xs.insert(x);
        highest = std::max(highest, y);
      }
    xs_.assign(xs.begin(), xs.end());
    ticks_ = ticks_up_to(highest);
    if (!xs_.empty())
      at_ = {xs_.front(), xs_.back(), ticks_.back(), what.x_scale};
  }

  std::string finish() {
    if (xs_.empty())
      return {};
    put(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">)"
        "\n{}",
        width, height, escaped(what_.title), style);
    text(left, 24, "start", what_.title, " class=\"t\"");
    text(left, top - 8, "start", what_.y_label);
    text(right, height - 12, "end", what_.x_label);
    axes();
    for (std::size_t i = 0; i < what_.lines.size(); ++i)
      line(what_.lines[i], colours[i % colours.size()]);
    out_ += "</svg>\n";
    return std::move(out_);
  }

private:
  template <class... Values>
  void put(fmt::format_string<Values...> form, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), form, std::forward<Values>(values)...);
  }

  void text(double x, double y, std::string_view anchor, std::string_view words, std::string_view more = "") {
    put("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
        escaped(words));
  }

  void axes() {
    for (const auto tick : ticks_) {
      const auto y = at_.y(tick);
      put("<path class=\"g\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", left, y, right);
      text(left - 8, y + 4, "end", fmt::format("{:g}", tick));
    }
    for (const auto x : xs_)
      text(at_.x(x), bottom + 20, "middle", fmt::format("{:g}", x));
  }

  void line(const chart_line& one, std::string_view colour) {
    if (one.points.empty())
      return;
    std::string path;
    for (const auto& [x, y] : one.points)
      fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : "L", at_.x(x),
                     at_.y(y));
    put("<path class=\"l\" stroke=\"{}\" d=\"{}\"/>\n", colour, path);
    for (const auto& [x, y] : one.points)
      put("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", at_.x(x), at_.y(y), colour);
    const auto& [x, y] = one.points.back();
    // A style, for the sheet's colour of texts is stronger than an attribute.
    text(at_.x(x) + 8, at_.y(y) + 4, "start", one.name, fmt::format(" style=\"fill:{}\"", colour));
  }

  const chart& what_;
  std::vector<double> xs_, ticks_;
  frame at_;
  std::string out_;
};

} // namespace

std::vector<double> ticks_up_to(double highest) {
  if (!(highest > 0))
    highest = 1;
  double step = std::pow(10, std::floor(std::log10(highest)) - 1);
  for (std::size_t i = 0; std::ceil(highest / step) >= static_cast<double>(most_ticks); ++i)
    step *= i % 3 == 1 ? 2.5 : 2;
  std::vector<double> ticks;
  for (double i = 0; i <= std::ceil(highest / step); ++i)
    ticks.push_back(i * step);
  return ticks;
}

std::string draw_svg(const chart& what) {
  return drawing{what}.finish();
}

} // namespace carillon::bench
