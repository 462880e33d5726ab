#include "storage/log_row_codec.hpp"

#include "crypto/hash.hpp"
#include "storage/little_endian.hpp"

#include <algorithm>

namespace carillon::storage {

namespace {

constexpr std::size_t crc_at = 1;
constexpr std::size_t checked_from = crc_at + 4;

/// True when the batches fill the value exactly.
bool lengths_add_up(std::string_view value) noexcept {
  auto count = get_le<std::uint32_t>(value.data() + log_row_head - 4);
  std::size_t at = log_row_head;
  for (; count > 0; --count) {
    if (value.size() - at < log_batch_head)
      return false;
    const auto length = get_le<std::uint32_t>(value.data() + at + 8);
    at += log_batch_head;
    if (value.size() - at < length)
      return false;
    at += length;
  }
  return at == value.size();
}

} // namespace

std::size_t log_row_size(std::span<const domain::batch* const> batches) noexcept {
  std::size_t size = log_row_head;
  for (const auto* batch : batches)
    size += log_batch_head + batch->entries.size();
  return size;
}

void encode_log_row(std::uint32_t epoch, const domain::time_stamp& stamp,
                    std::span<const domain::batch* const> batches, char* out,
                    std::vector<std::uint32_t>& offsets) {
  char* at = put_le(out, log_row_format) + 4;
  at = put_le(at, epoch);
  at = put_le(at, stamp.life);
  at = std::copy(stamp.boot_id.begin(), stamp.boot_id.end(), at);
  at = put_le(at, static_cast<std::int64_t>(stamp.boot.time_since_epoch().count()));
  at = put_le(at, static_cast<std::int64_t>(stamp.wall.time_since_epoch().count()));
  at = put_le(at, static_cast<std::uint32_t>(batches.size()));
  offsets.clear();
  for (const auto* batch : batches) {
    at = put_le(at, domain::raw(batch->account));
    at = put_le(at, static_cast<std::uint32_t>(batch->entries.size()));
    offsets.push_back(static_cast<std::uint32_t>(at - out));
    at = std::copy(batch->entries.begin(), batch->entries.end(), at);
  }
  const std::string_view checked{out + checked_from, static_cast<std::size_t>(at - out) - checked_from};
  put_le(out + crc_at, crypto::crc32c(checked));
}

log_row_state read_log_row_head(std::string_view value, log_row_head_fields& head) noexcept {
  if (value.empty())
    return log_row_state::damaged;
  const auto format = static_cast<std::uint8_t>(value[0]);
  if (format > log_row_format)
    return log_row_state::newer_format;
  if (format == 0 || value.size() < log_row_head)
    return log_row_state::damaged;
  const char* in = value.data() + checked_from;
  head.epoch = get_le<std::uint32_t>(in);
  head.stamp.life = get_le<std::uint32_t>(in + 4);
  in += 8;
  for (auto& byte : head.stamp.boot_id)
    byte = static_cast<std::uint8_t>(*in++);
  head.stamp.boot = domain::boot_time{std::chrono::nanoseconds{get_le<std::int64_t>(in)}};
  head.stamp.wall = domain::wall_time{std::chrono::milliseconds{get_le<std::int64_t>(in + 8)}};
  return log_row_state::good;
}

log_row_state
read_log_row(std::string_view value, log_row_head_fields& head,
             const std::function<void(domain::account_id, std::uint32_t, std::string_view)>& visit) {
  if (const auto state = read_log_row_head(value, head); state != log_row_state::good)
    return state;
  if (get_le<std::uint32_t>(value.data() + crc_at) != crypto::crc32c(value.substr(checked_from)) ||
      !lengths_add_up(value))
    return log_row_state::damaged;
  for (std::size_t at = log_row_head; at < value.size();) {
    const domain::account_id account{get_le<std::uint64_t>(value.data() + at)};
    const auto length = get_le<std::uint32_t>(value.data() + at + 8);
    at += log_batch_head;
    visit(account, static_cast<std::uint32_t>(at), value.substr(at, length));
    at += length;
  }
  return log_row_state::good;
}

} // namespace carillon::storage
