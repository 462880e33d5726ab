#include "storage/framed_value.hpp"

#include "crypto/hash.hpp"
#include "storage/little_endian.hpp"

namespace carillon::storage {

namespace {

constexpr std::size_t frame_size = 1 + 4;
constexpr std::uint8_t number_format = 1;

std::uint32_t checksum(std::uint8_t format, std::string_view payload) noexcept {
  const char first = static_cast<char>(format);
  return crypto::crc32c(payload, crypto::crc32c({&first, 1}));
}

} // namespace

std::string frame(std::uint8_t format, std::string_view payload) {
  auto value = begin_frame(format);
  value += payload;
  end_frame(value);
  return value;
}

std::string begin_frame(std::uint8_t format) {
  std::string value(frame_size, '\0');
  value[0] = static_cast<char>(format);
  return value;
}

void end_frame(std::string& value) {
  const auto format = static_cast<std::uint8_t>(value[0]);
  put_le(value.data() + 1, checksum(format, std::string_view{value}.substr(frame_size)));
}

std::optional<framed_value> unframe(std::string_view value) noexcept {
  if (value.size() < frame_size)
    return std::nullopt;
  const auto format = static_cast<std::uint8_t>(value[0]);
  const auto payload = value.substr(frame_size);
  if (get_le<std::uint32_t>(value.data() + 1) != checksum(format, payload))
    return std::nullopt;
  return framed_value{format, payload};
}

std::string frame_u64(std::uint64_t number) {
  char bytes[sizeof number];
  put_le(bytes, number);
  return frame(number_format, {bytes, sizeof bytes});
}

std::optional<std::uint64_t> unframe_u64(std::string_view value) noexcept {
  const auto framed = unframe(value);
  if (!framed || framed->format != number_format || framed->payload.size() != sizeof(std::uint64_t))
    return std::nullopt;
  return get_le<std::uint64_t>(framed->payload.data());
}

} // namespace carillon::storage
