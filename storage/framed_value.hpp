#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The frame of every value of a derived table: `[format u8][crc32c u32 LE over format and
/// payload][payload]`. LMDB has no page checksums, so each value carries its own.
namespace carillon::storage {

struct framed_value {
  std::uint8_t format = 0;
  std::string_view payload; ///< into the value given to `unframe`
};

/// The value to store for `payload`; `format` is the version of the payload's own form.
std::string frame(std::uint8_t format, std::string_view payload);

/// The same without a copy: `begin_frame`, then append the payload, then `end_frame`.
std::string begin_frame(std::uint8_t format);
void end_frame(std::string& value);

/// What `frame` made; nothing when the value is too short or its CRC is wrong.
std::optional<framed_value> unframe(std::string_view value) noexcept;

/// A framed number: marks and counters.
std::string frame_u64(std::uint64_t number);
/// The inverse of `frame_u64`; nothing for a damaged value.
std::optional<std::uint64_t> unframe_u64(std::string_view value) noexcept;

} // namespace carillon::storage
