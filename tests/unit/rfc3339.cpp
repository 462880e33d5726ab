#define CAF_SUITE rfc3339
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/rfc3339.hpp"

#include <random>
#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

wall_time at(std::int64_t ms) {
  return wall_time{std::chrono::milliseconds{ms}};
}

} // namespace

CAF_TEST(times are written in UTC with milliseconds) {
  CAF_CHECK_EQUAL(format_rfc3339(at(0)), "1970-01-01T00:00:00.000Z"s);
  CAF_CHECK_EQUAL(format_rfc3339(at(1728922554893)), "2024-10-14T16:15:54.893Z"s);
  CAF_CHECK_EQUAL(format_rfc3339(at(-1)), "1969-12-31T23:59:59.999Z"s);
  CAF_CHECK_EQUAL(format_rfc3339(at(951782400000)), "2000-02-29T00:00:00.000Z"s);
  CAF_CHECK_EQUAL(format_rfc3339(wall_time::max()), "9999-12-31T23:59:59.999Z"s);
  CAF_CHECK_EQUAL(format_rfc3339(wall_time::min()), "0000-01-01T00:00:00.000Z"s);
  CAF_CHECK_EQUAL(format_spaced(at(1728922554893)), "2024-10-14 16:15:54.893000+00:00"s);
}

CAF_TEST(what was written is read back) {
  std::mt19937_64 random{5};
  for (int i = 0; i < 20'000; ++i) {
    const auto t = at(static_cast<std::int64_t>(random() % 315'000'000'000'000) - 62'000'000'000'000);
    CAF_REQUIRE(parse_rfc3339(format_rfc3339(t)) == t);
    CAF_REQUIRE(parse_rfc3339(format_spaced(t)) == t);
  }
}

CAF_TEST(date times of RFC 3339 are read) {
  const std::pair<const char*, std::int64_t> cases[] = {{"2024-10-14T16:15:54.893Z", 1728922554893},
                                                        {"2024-10-14t16:15:54.893z", 1728922554893},
                                                        {"2024-10-14 16:15:54.893+00:00", 1728922554893},
                                                        {"2024-10-14T18:15:54.893+02:00", 1728922554893},
                                                        {"2024-10-14T10:45:54.893-05:30", 1728922554893},
                                                        {"2024-10-14T16:15:54Z", 1728922554000},
                                                        {"2024-10-14T16:15:54.8939999999999Z", 1728922554893},
                                                        {"2024-10-14T16:15:54.8-00:00", 1728922554800},
                                                        {"2016-12-31T23:59:60Z", 1483228800000},
                                                        {"0000-01-01T00:00:00Z", -62167219200000},
                                                        {"1969-12-31T23:59:59.999Z", -1},
                                                        {"2024-02-29T00:00:00Z", 1709164800000}};
  for (const auto& [text, ms] : cases) {
    const auto t = parse_rfc3339(text);
    CAF_CHECK_EQUAL(text + std::to_string(t ? t->time_since_epoch().count() : -99),
                    text + std::to_string(ms));
  }
}

CAF_TEST(other texts are no date times) {
  for (const char* text : {"",
                           "2024",
                           "2024-10-14",
                           "2024-10-14T16:15Z",
                           "2024-10-14T16:15:54",
                           "2024-13-14T16:15:54Z",
                           "2024-00-14T16:15:54Z",
                           "2024-10-32T16:15:54Z",
                           "2023-02-29T00:00:00Z",
                           "2024-10-14T24:00:00Z",
                           "2024-10-14T16:60:54Z",
                           "2024-10-14T16:15:61Z",
                           "2024-10-14T16:15:54.Z",
                           "2024-10-14T16:15:54+0200",
                           "2024-10-14T16:15:54+02",
                           "2024-10-14T16:15:54+24:00",
                           "2024-10-14T16:15:54Zx",
                           " 2024-10-14T16:15:54Z",
                           "2024-10-14X16:15:54Z",
                           "24-10-14T16:15:54Z",
                           "2024/10/14T16:15:54Z",
                           "+024-10-14T16:15:54Z"})
    CAF_CHECK(!parse_rfc3339(text));
}

CAF_TEST(records may carry looser ISO forms) {
  const auto moment = *parse_iso_instant("2026-02-05T00:00:00Z");
  for (const char* text : {"2026-02-05", "2026-02-05T00:00", "2026-02-05 00:00:00", "2026-02-05T01:00+0100",
                           "2026-02-05T01:00:00.000+01", "2026-02-04T19:00:00-05:00"})
    CAF_CHECK(parse_iso_instant(text) == moment);
  CAF_CHECK(parse_iso_instant("2026-02-05 00:13:56.718423+00:00") <
            parse_iso_instant("2026-02-05 00:13:56.718424+00:00"));
  CAF_CHECK(parse_iso_instant("1500-01-01") < parse_iso_instant("1500-01-02"));
  for (const char* text : {"", "2026", "2026-02", "2026-02-30", "2026-02-05T", "2026-02-05T1",
                           "2026-02-05+01:00", "20260205", "12345", "2026-02-05T00:00:00+1"})
    CAF_CHECK(!parse_iso_instant(text));
}
