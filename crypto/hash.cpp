#include "crypto/hash.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace carillon::crypto {

namespace {

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string{"OpenSSL: "} + what); }

// Fetched once: looking an algorithm up by name costs more than hashing a short text.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return algorithm;
}

const unsigned char* bytes_of(std::string_view text) {
  // HMAC refuses a null key pointer, also for an empty key.
  static constexpr unsigned char nothing = 0;
  return text.empty() ? &nothing : reinterpret_cast<const unsigned char*>(text.data());
}

EVP_MAC_CTX* make_hmac_context(std::string_view key) {
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(hmac_algorithm());
  if (context == nullptr)
    fail("no HMAC context");
  char digest_name[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                               OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(context, bytes_of(key), key.size(), params) != 1) {
    EVP_MAC_CTX_free(context);
    fail("HMAC refused the key");
  }
  return context;
}

std::uint64_t load_le64(const char* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  static_assert(std::endian::native == std::endian::little, "SipHash reads little-endian words");
  return value;
}

struct sip_state {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

constexpr std::uint32_t castagnoli = 0x82f63b78; // reflected

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? (value >> 1U) ^ castagnoli : value >> 1U;
    table[i] = value;
  }
  return table;
}

constexpr auto crc_table = make_crc_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view data,
                                                                      std::uint32_t seed) noexcept {
  std::uint64_t crc = ~seed;
  const char* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; at += 8, left -= 8)
    crc = __builtin_ia32_crc32di(crc, load_le64(at));
  auto rest = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left)
    rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(*at));
  return ~rest;
}
#endif

} // namespace

digest256 sha256(std::string_view data) {
  // A context a thread: making one costs as much as hashing a short text.
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                                    &EVP_MD_CTX_free};
  digest256 digest{};
  unsigned int size = 0;
  if (EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    fail("SHA-256");
  return digest;
}

digest256 hmac_sha256(std::string_view key, std::string_view message) {
  return hmac_sha256_key{key}({message});
}

hmac_sha256_key::hmac_sha256_key(std::string_view key) : context_{make_hmac_context(key)} {}

hmac_sha256_key::~hmac_sha256_key() { EVP_MAC_CTX_free(static_cast<EVP_MAC_CTX*>(context_)); }

hmac_sha256_key::hmac_sha256_key(hmac_sha256_key&& other) noexcept
    : context_{std::exchange(other.context_, nullptr)} {}

hmac_sha256_key& hmac_sha256_key::operator=(hmac_sha256_key&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

digest256 hmac_sha256_key::operator()(std::initializer_list<std::string_view> parts) {
  auto* context = static_cast<EVP_MAC_CTX*>(context_);
  digest256 digest{};
  std::size_t size = 0;
  // A null key starts again with the key that is already set.
  if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1)
    fail("HMAC start");
  for (auto part : parts)
    if (EVP_MAC_update(context, bytes_of(part), part.size()) != 1)
      fail("HMAC update");
  if (EVP_MAC_final(context, digest.data(), &size, digest.size()) != 1 || size != digest.size())
    fail("HMAC end");
  return digest;
}

digest128 fingerprint(std::string_view data) noexcept {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(data.data(), data.size()));
  return std::to_array(bytes.digest);
}

std::uint64_t siphash24(const std::array<std::uint8_t, 16>& key, std::string_view data) noexcept {
  const auto k0 = load_le64(reinterpret_cast<const char*>(key.data()));
  const auto k1 = load_le64(reinterpret_cast<const char*>(key.data()) + 8);
  sip_state s{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  const char* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; at += 8, left -= 8)
    s.absorb(load_le64(at));
  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56U;
  for (std::size_t i = 0; i < left; ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  s.absorb(last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i)
    s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::uint32_t detail::crc32c_by_table(std::string_view data, std::uint32_t seed) noexcept {
  std::uint32_t crc = ~seed;
  for (char c : data)
    crc = crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8U);
  return ~crc;
}

std::uint32_t crc32c(std::string_view data, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction)
    return crc32c_by_instruction(data, seed);
#endif
  return detail::crc32c_by_table(data, seed);
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (auto byte : bytes) {
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 15U]);
  }
  return text;
}

std::string to_hex(std::string_view bytes) {
  return to_hex(std::span{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

} // namespace carillon::crypto
