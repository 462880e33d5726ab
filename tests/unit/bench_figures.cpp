#define CAF_SUITE bench_figures
#define CAF_TEST_NO_MAIN

#include "bench/figures.hpp"
#include "caf/test/unit_test.hpp"

#include <vector>

using namespace carillon::bench;

CAF_TEST(a figure is its rounds median) {
  figures all;
  for (const double value : {30.0, 10.0, 20.0})
    all.add("a", unit::per_second, value, at_least(20));
  all.add("b", unit::milliseconds, 1, at_most(0.5));
  CAF_REQUIRE_EQUAL(all.all().size(), 2u);
  const auto& a = all.all()[0];
  CAF_CHECK_EQUAL(a.median(), 20.0);
  CAF_CHECK_EQUAL(a.lowest(), 10.0);
  CAF_CHECK_EQUAL(a.highest(), 30.0);
  CAF_CHECK(a.reached());
  CAF_CHECK(!all.all()[1].reached());
}

CAF_TEST(an even number of rounds has the mean of the middle) {
  figures all;
  for (const double value : {4.0, 1.0, 3.0, 2.0})
    all.add("a", unit::times, value);
  CAF_CHECK_EQUAL(all.all()[0].median(), 2.5);
  CAF_CHECK(all.all()[0].reached());
}

CAF_TEST(quantiles are nearest ranks) {
  std::vector<std::int64_t> values;
  CAF_CHECK_EQUAL(quantile(values, 0.99), 0.0);
  for (std::int64_t i = 100; i > 0; --i)
    values.push_back(i);
  CAF_CHECK_EQUAL(quantile(values, 0.5), 50.0);
  CAF_CHECK_EQUAL(quantile(values, 0.99), 99.0);
  CAF_CHECK_EQUAL(quantile(values, 1), 100.0);
  CAF_CHECK_EQUAL(quantile(values, 0), 1.0);
}

CAF_TEST(values are written with their unit) {
  CAF_CHECK_EQUAL(format_value(unit::per_second, 1'234'567.4), "1,234,567/s");
  CAF_CHECK_EQUAL(format_value(unit::per_second, 999), "999/s");
  CAF_CHECK_EQUAL(format_value(unit::microseconds, 7.26), "7.3 µs");
  CAF_CHECK_EQUAL(format_value(unit::milliseconds, 1.234), "1.23 ms");
  CAF_CHECK_EQUAL(format_value(unit::times, 4), "4.00 ×");
  CAF_CHECK_EQUAL(format_value(unit::kibibytes, 2.34), "2.3 KiB");
  CAF_CHECK_EQUAL(format_value(unit::mebibytes, 88.4), "88 MiB");
}
