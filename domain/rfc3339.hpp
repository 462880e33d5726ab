#pragma once

#include "domain/time.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::domain {

/// "2024-10-14T16:15:54.893Z": UTC, always three digits of milliseconds. Years 0000 to 9999; what is beyond
/// is written as the nearest of them.
std::string format_rfc3339(wall_time t);

/// "2026-02-05 00:13:56.718000+00:00": the form of Pipeliner's date-times, UTC with microseconds.
std::string format_spaced(wall_time t);

/// A moment to the nanosecond, over all years that the texts can name.
struct instant {
  std::int64_t seconds = 0; ///< since the Unix epoch
  std::int32_t nanoseconds = 0;
  auto operator<=>(const instant&) const = default;
};

/// The moment of an RFC 3339 date-time: full date, "T" or a space, time, optional fraction, "Z" or "±hh:mm".
/// A leap second counts as the second after it. Digits behind the ninth are dropped. Nothing for anything
/// else.
std::optional<instant> parse_rfc3339_instant(std::string_view text);

/// Like `parse_rfc3339_instant`, rounded down to milliseconds.
std::optional<wall_time> parse_rfc3339(std::string_view text);

/// The moment of an ISO 8601 date or date-time as records carry them: also without an offset (UTC), without
/// seconds, with "+hhmm", or only the date (its midnight, UTC).
std::optional<instant> parse_iso_instant(std::string_view text);

} // namespace carillon::domain
