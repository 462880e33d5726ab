#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// The store's one header row: what it is, which format it speaks, who it is.
namespace carillon::storage {

/// The format of everything below the header. A store of a higher one is refused. 2: event ids in runs.
inline constexpr std::uint32_t store_format = 2;
/// The earliest one that is read; a store of a lower one is refused. None was ever released.
inline constexpr std::uint32_t earliest_store_format = 2;

/// What the header row holds.
struct store_header {
  std::uint32_t format = store_format;
  store_identity identity;
  std::uint32_t life = 0; ///< starts of the process on this store so far
  domain::wall_time created{};
};

/// The header row's key.
std::string header_key();

/// `[magic 8][format u32][crc32c u32 over the whole without it]` and the fields: magic and format stay where
/// they are in every future version, so that each can tell a newer store from a damaged one.
std::string encode_header(const store_header& header);

/// Throws store_error, naming `directory`: written by a newer Carillon or one too old, or damaged.
store_header decode_header(std::string_view value, const std::string& directory);

} // namespace carillon::storage
