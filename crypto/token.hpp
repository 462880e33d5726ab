#pragma once

#include <string>
#include <string_view>

namespace carillon::crypto {

/// A new bearer token: `prefix`, "_", 40 random base62 characters (238 bits) and a checksum of 6. The prefixes are
/// "cat" (access tokens) and "cak" (account keys). Throws like `random_bytes`.
std::string make_token(std::string_view prefix);

/// True for a text that `make_token` can have made, checksum included: tells a typo, or a find of a secret scanner,
/// from a wrong token without a look-up. Says nothing about whether the token is known.
bool well_formed_token(std::string_view text);

/// Compares in a time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

} // namespace carillon::crypto
