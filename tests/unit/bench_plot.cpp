#define CAF_SUITE bench_plot
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "bench/plot.hpp"

#include <string>

using namespace carillon::bench;

namespace {

chart two_lines() {
  chart c;
  c.title = "cost < & > load";
  c.x_label = "subscriptions";
  c.y_label = "µs";
  c.lines = {{"p50", {{1, 10}, {100, 20}}}, {"p99", {{1, 40}, {100, 80}}}};
  return c;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

CAF_TEST(ticks are round and cover the highest value) {
  for (const double highest : {0.0, 0.003, 0.7, 1.0, 3.3, 9.9, 10.0, 42.0, 1234.0}) {
    const auto ticks = ticks_up_to(highest);
    CAF_CHECK_EQUAL(ticks.front(), 0.0);
    CAF_CHECK(ticks.back() >= highest);
    CAF_CHECK(ticks.size() >= 3 && ticks.size() <= 9);
  }
  CAF_CHECK_EQUAL(ticks_up_to(42), (std::vector<double>{0, 10, 20, 30, 40, 50}));
  CAF_CHECK_EQUAL(ticks_up_to(3.3), (std::vector<double>{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5}));
}

CAF_TEST(points stand where their numbers say) {
  auto c = two_lines();
  // Left and right edge; y from 0 at the bottom (304) to 80 at the highest tick (48).
  CAF_CHECK(has(draw_svg(c), "M64.0 272.0L560.0 240.0"));
  CAF_CHECK(has(draw_svg(c), "M64.0 176.0L560.0 48.0"));
  c.lines[0].points.insert(c.lines[0].points.begin() + 1, {10, 10});
  c.x_scale = scale::logarithmic;
  CAF_CHECK(has(draw_svg(c), "M64.0 272.0L312.0 272.0L560.0 240.0"));
}

CAF_TEST(names are texts and not markup) {
  const auto svg = draw_svg(two_lines());
  CAF_CHECK(has(svg, "cost &lt; &amp; &gt; load"));
  CAF_CHECK(!has(svg, "cost <"));
  CAF_CHECK(has(svg, ">p99</text>"));
  CAF_CHECK(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

CAF_TEST(nothing is drawn of nothing) {
  chart c = two_lines();
  for (auto& line : c.lines)
    line.points.clear();
  CAF_CHECK(draw_svg(c).empty());
  c.lines[1].points = {{5, 1}};
  CAF_CHECK(has(draw_svg(c), "cx=\"312.0\""));
}
