#pragma once

#include <cstdint>
#include <cstring>

/// How the JSON readers step over the plain bytes of a string, eight at a time.
namespace carillon::domain::json_scan {

inline constexpr std::uint64_t ones = 0x0101010101010101ULL;
inline constexpr std::uint64_t highs = 0x8080808080808080ULL;

/// Nonzero when any of the eight bytes is zero.
constexpr std::uint64_t zero_byte(std::uint64_t word) { return (word - ones) & ~word & highs; }

inline std::uint64_t load(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// The first byte from `p` on that is a quote or a backslash, or `end`. For text that passed the gate.
inline const char* string_special(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const auto word = load(p);
    if ((zero_byte(word ^ (ones * '"')) | zero_byte(word ^ (ones * '\\'))) != 0)
      break;
  }
  while (p != end && *p != '"' && *p != '\\')
    ++p;
  return p;
}

/// The first byte from `p` on that a string may not hold as it is or that needs a look: a quote, a backslash, a
/// control character, or a byte past ASCII; or `end`.
inline const char* gate_special(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const auto word = load(p);
    const auto control = (word - ones * 0x20) & ~word & highs;
    if ((control | (word & highs) | zero_byte(word ^ (ones * '"')) | zero_byte(word ^ (ones * '\\'))) != 0)
      break;
  }
  for (; p != end; ++p) {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
      break;
  }
  return p;
}

} // namespace carillon::domain::json_scan
