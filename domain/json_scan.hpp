#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// How the JSON readers step over the plain bytes of a string, eight at a time.
namespace carillon::domain::json_scan {

inline constexpr std::uint64_t ones = 0x0101010101010101ULL;
inline constexpr std::uint64_t highs = 0x8080808080808080ULL;

/// Nonzero when any of the eight bytes is zero.
constexpr std::uint64_t zero_byte(std::uint64_t word) {
  return (word - ones) & ~word & highs;
}

/// The first byte that `found` marks by its top bit. Marks behind the first may be false, the first never is.
inline const char* first_marked(const char* p, std::uint64_t found) {
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  return p + (std::countr_zero(found) >> 3);
}

inline std::uint64_t load(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// `count` bytes, fewer than eight: unequal ones of one length give unequal words.
inline std::uint64_t load_few(const char* p, std::size_t count) {
  const auto at = [p](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
  if (count >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, p, sizeof first);
    std::memcpy(&last, p + count - sizeof last, sizeof last);
    return std::uint64_t{last} << 32 | first;
  }
  return count == 0 ? 0 : at(0) | at(count / 2) << 8 | at(count - 1) << 16;
}

/// The first byte from `p` on that is a quote or a backslash, or `end`. For text that passed the gate.
inline const char* string_special(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const auto word = load(p);
    if (const auto found = zero_byte(word ^ (ones * '"')) | zero_byte(word ^ (ones * '\\')))
      return first_marked(p, found);
  }
  while (p != end && *p != '"' && *p != '\\')
    ++p;
  return p;
}

/// The first byte from `p` on that a string may not hold as it is or that needs a look: a quote, a backslash,
/// a control character, or a byte past ASCII; or `end`.
inline const char* gate_special(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const auto word = load(p);
    const auto control = (word - ones * 0x20) & ~word & highs;
    if (const auto found =
            control | (word & highs) | zero_byte(word ^ (ones * '"')) | zero_byte(word ^ (ones * '\\')))
      return first_marked(p, found);
  }
  for (; p != end; ++p) {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
      break;
  }
  return p;
}

} // namespace carillon::domain::json_scan
