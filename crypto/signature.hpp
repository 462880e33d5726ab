#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The signatures of Standard Webhooks (HMAC-SHA256 form).
namespace carillon::crypto {

/// The raw key in "whsec_" + base64 of 24 to 64 bytes; nothing for any other text.
std::optional<std::string> decode_secret(std::string_view secret);

/// A new secret of 32 random bytes, in the form `decode_secret` reads. Throws like `random_bytes`.
std::string make_secret();

/// One value for `webhook-signature`: "v1,<base64>" over `id.timestamp.body`. `timestamp` is in Unix seconds; the
/// id must hold no dot. During a rotation the values of both keys are sent, joined by a space.
std::string sign(std::string_view raw_key, std::string_view id, std::int64_t timestamp, std::string_view body);

} // namespace carillon::crypto
