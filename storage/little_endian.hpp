#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

/// Integers as they stand in values: little-endian, unaligned. (Keys are big-endian: `keys.hpp`.)
namespace carillon::storage {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie in memory");

/// Writes `value` at `out`; returns the place behind it.
template <std::integral T>
char* put_le(char* out, T value) noexcept {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

/// Reads a value that must lie wholly in the caller's bytes.
template <std::integral T>
T get_le(const char* in) noexcept {
  T value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

} // namespace carillon::storage
