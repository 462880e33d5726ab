#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace carillon::crypto {

using digest256 = std::array<std::uint8_t, 32>;
using digest128 = std::array<std::uint8_t, 16>;

/// SHA-256 of the bytes. Throws std::runtime_error only if the library itself fails.
digest256 sha256(std::string_view data);

/// HMAC-SHA256 of `message` under `key` (any length). Throws std::runtime_error only if the library itself fails.
digest256 hmac_sha256(std::string_view key, std::string_view message);

/// A key prepared for many HMACs: half the cost of `hmac_sha256` for short messages. Not thread-safe.
class hmac_sha256_key {
public:
  explicit hmac_sha256_key(std::string_view key);
  ~hmac_sha256_key();
  hmac_sha256_key(hmac_sha256_key&& other) noexcept;
  hmac_sha256_key& operator=(hmac_sha256_key&& other) noexcept;

  /// HMAC-SHA256 of the parts' concatenation.
  digest256 operator()(std::initializer_list<std::string_view> parts);

private:
  void* context_ = nullptr; ///< EVP_MAC_CTX with the key set, owned; the type stays out of this header
};

/// XXH3 of the bytes, 128 bits, big-endian; a tenth of SHA-256's cost. Two texts have the same one by chance as good as
/// never, but who wants to can make such two: only for what nobody gains by.
digest128 fingerprint(std::string_view data) noexcept;

/// SipHash-2-4 with a 64-bit result: for tables and placement by keys that strangers choose.
std::uint64_t siphash24(const std::array<std::uint8_t, 16>& key, std::string_view data) noexcept;

/// CRC-32C (Castagnoli), as in iSCSI. `seed` is the result for what came before, so pieces can be chained.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0) noexcept;

namespace detail {
/// The table version of `crc32c`, for machines without SSE 4.2.
std::uint32_t crc32c_by_table(std::string_view data, std::uint32_t seed) noexcept;
} // namespace detail

/// Lower-case hexadecimal digits, two a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_hex(std::string_view bytes);

/// The digest's bytes as a view, for what takes text.
inline std::string_view as_view(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace carillon::crypto
