#pragma once

#include "crypto/hash.hpp"
#include "domain/time.hpp"

#include <boost/endian/conversion.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace carillon::account {

/// What stands for an event id: the first 16 bytes of its SHA-256. Ids are hashed once, where they come in.
using id_hash = std::array<std::uint8_t, 16>;

id_hash hash_of(std::string_view id);

/// What is remembered of an accepted event, to tell a repeat from another event under the same id.
struct id_record {
  domain::wall_time accepted{};
  crypto::digest128 digest{}; ///< of its content
  std::uint32_t notifications = 0;       ///< how many it is part of
};

struct id_entry {
  id_hash hash{};
  id_record record;
};

/// Half of a hash, from byte `at` on, so that numbers are in the order of the bytes.
inline std::uint64_t half(const id_hash& id, std::size_t at) {
  return boost::endian::load_big_u64(id.data() + at);
}

inline bool before(const id_hash& a, const id_hash& b) {
  const auto left = half(a, 0), right = half(b, 0);
  return left != right ? left < right : half(a, 8) < half(b, 8);
}

/// For hash tables: the hash is one already.
struct id_hash_bits {
  using is_avalanching = void;
  std::size_t operator()(const id_hash& h) const noexcept {
    std::size_t bits = 0;
    std::memcpy(&bits, h.data(), sizeof bits);
    return bits;
  }
};

} // namespace carillon::account
