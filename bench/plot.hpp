#pragma once

#include <string>
#include <utility>
#include <vector>

namespace carillon::bench {

/// One line of a chart: its name stands at its last point.
struct chart_line {
  std::string name;
  std::vector<std::pair<double, double>> points; ///< x and y, x rising
};

enum class scale : bool { linear, logarithmic };

struct chart {
  std::string title, x_label, y_label;
  scale x_scale = scale::linear;
  std::vector<chart_line> lines;
};

/// The chart as an SVG document that stands alone and reads on light and on dark ground. The y axis begins at
/// 0; the x axis is marked at the points. Empty when there is no point; x must be above 0 on a logarithmic
/// scale.
std::string draw_svg(const chart& what);

/// Tick marks from 0 to at least `highest`, at most eight: 1, 2 or 5 times a power of ten apart.
std::vector<double> ticks_up_to(double highest);

} // namespace carillon::bench
