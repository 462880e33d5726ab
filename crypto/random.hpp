#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace carillon::crypto {

/// `count` bytes from the library's generator for secrets. Throws std::runtime_error when it has no entropy.
std::string random_bytes(std::size_t count);

/// A uniformly random number, fit for secrets. Throws like `random_bytes`.
std::uint64_t random_u64();

/// A random UUID (RFC 9562, version 4) in its usual form of 36 lower-case characters.
std::string uuid_v4();

} // namespace carillon::crypto
