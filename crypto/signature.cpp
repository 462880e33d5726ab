#include "crypto/signature.hpp"

#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "crypto/random.hpp"

namespace carillon::crypto {

namespace {
constexpr std::string_view secret_prefix = "whsec_";
} // namespace

std::optional<std::string> decode_secret(std::string_view secret) {
  if (!secret.starts_with(secret_prefix))
    return std::nullopt;
  auto key = base64_decode(secret.substr(secret_prefix.size()));
  if (!key || key->size() < 24 || key->size() > 64)
    return std::nullopt;
  return key;
}

std::string make_secret() { return std::string{secret_prefix} + base64_encode(random_bytes(32)); }

std::string sign(std::string_view raw_key, std::string_view id, std::int64_t timestamp, std::string_view body) {
  const auto digest = hmac_sha256_key{raw_key}({id, ".", std::to_string(timestamp), ".", body});
  return "v1," + base64_encode(as_view(digest));
}

} // namespace carillon::crypto
