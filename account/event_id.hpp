#pragma once

#include "domain/time.hpp"

#include <algorithm>
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
  std::array<std::uint8_t, 16> digest{}; ///< of its content
  std::uint32_t notifications = 0;       ///< how many it is part of
};

struct id_entry {
  id_hash hash{};
  id_record record;
};

/// For hash tables: the hash is one already.
struct id_hash_bits {
  std::size_t operator()(const id_hash& h) const noexcept {
    std::size_t bits = 0;
    std::memcpy(&bits, h.data(), sizeof bits);
    return bits;
  }
};

} // namespace carillon::account
