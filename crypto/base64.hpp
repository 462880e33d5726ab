#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::crypto {

/// Base64 with the standard alphabet and padding (RFC 4648, section 4), on one line.
std::string base64_encode(std::string_view bytes);

/// The bytes that `text` stands for, or nothing unless it is exactly what `base64_encode` writes for them: padded,
/// without white space, with zero bits where bits are left over.
std::optional<std::string> base64_decode(std::string_view text);

/// The digits of `base62_fixed`, lowest first: 0-9, A-Z, a-z.
inline constexpr std::string_view base62_alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `value` as exactly `width` base62 digits, highest first; digits beyond the width are dropped.
std::string base62_fixed(std::uint64_t value, std::size_t width);

/// True for 0-9, A-Z, a-z.
constexpr bool is_base62(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

} // namespace carillon::crypto
