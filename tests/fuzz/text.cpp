#include "domain/decimal.hpp"
#include "domain/public_id.hpp"
#include "domain/rfc3339.hpp"
#include "domain/text_fold.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace carillon::domain;

/// Short texts: times, ids, cursors, numbers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto t = parse_rfc3339(text); t && parse_rfc3339(format_rfc3339(*t)) != t)
    if (const auto year = format_rfc3339(*t).substr(0, 4);
        year != "0000" && year != "9999") // clamped at the edges
      std::abort();
  parse_iso_instant(text);
  if (const auto n = parse_notification_public_id(text); n && notification_public_id(*n) != text)
    std::abort();
  if (const auto n = parse_feed_cursor(text); n && feed_cursor(*n) != text)
    std::abort();
  if (const auto position = parse_list_cursor("x", text); position && list_cursor("x", *position) != text)
    std::abort();
  if (const auto number = parse_decimal(text); number && *number != decimal{text})
    std::abort();
  fold_case(text);
  return 0;
}
