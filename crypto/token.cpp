#include "crypto/token.hpp"

#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "crypto/random.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace carillon::crypto {

namespace {

constexpr std::size_t random_digits = 40;
constexpr std::size_t checksum_digits = 6; // 62^6 > 2^32

std::string checksum(std::string_view head) { return base62_fixed(crc32c(head), checksum_digits); }

} // namespace

std::string make_token(std::string_view prefix) {
  std::string token{prefix};
  token.push_back('_');
  const std::size_t wanted = token.size() + random_digits;
  while (token.size() < wanted)
    for (char c : random_bytes(random_digits)) {
      // 248 = 4 * 62: bytes above would make the first digits likelier.
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 248 && token.size() < wanted)
        token.push_back(base62_alphabet[byte % 62]);
    }
  return token + checksum(token);
}

bool well_formed_token(std::string_view text) {
  if (!text.starts_with("cat_") && !text.starts_with("cak_"))
    return false;
  if (text.size() != 4 + random_digits + checksum_digits)
    return false;
  const auto digits = text.substr(4);
  if (!std::all_of(digits.begin(), digits.end(), is_base62))
    return false;
  const auto head = text.substr(0, 4 + random_digits);
  return checksum(head) == text.substr(head.size());
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace carillon::crypto
