#pragma once

#include "domain/log_position.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The bytes of a log row: `[format u8][crc32c u32 over the rest][epoch u32][life u32][boot id 16][boot i64
/// ns] [wall i64 ms][n u32]`, then n × `[account u64][length u32][entries]`. Little-endian.
namespace carillon::storage {

inline constexpr std::uint8_t log_row_format = 1;
/// Bytes of a row before its first batch, and of a batch before its entries.
inline constexpr std::size_t log_row_head = 1 + 4 + 4 + 4 + 16 + 8 + 8 + 4;
inline constexpr std::size_t log_batch_head = 8 + 4;

/// Bytes that the row of these batches takes. Each has entries.
std::size_t log_row_size(std::span<const domain::batch* const> batches) noexcept;

/// Writes the row into exactly `log_row_size` bytes at `out` and the place of each batch's entries into
/// `offsets`.
void encode_log_row(std::uint32_t epoch, const domain::time_stamp& stamp,
                    std::span<const domain::batch* const> batches, char* out,
                    std::vector<std::uint32_t>& offsets);

struct log_row_head_fields {
  std::uint32_t epoch = 0;
  domain::time_stamp stamp;
};

enum class log_row_state {
  good,
  damaged,      ///< checksum or lengths are wrong
  newer_format, ///< written by a later version
};

/// Reads only the head, unchecked by the CRC; damaged when it is too short.
log_row_state read_log_row_head(std::string_view value, log_row_head_fields& head) noexcept;

/// Checks the whole row, then visits account, offset of the entries in the value, and entries of each batch.
log_row_state
read_log_row(std::string_view value, log_row_head_fields& head,
             const std::function<void(domain::account_id, std::uint32_t, std::string_view)>& visit);

} // namespace carillon::storage
