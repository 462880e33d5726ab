#include "account/id_filter.hpp"

#include <algorithm>

namespace carillon::account {

namespace {

constexpr std::uint64_t bits_per_id = 16;
constexpr std::uint64_t bits_per_word = 64;
constexpr std::uint64_t bits_per_block = id_filter::words_per_block * bits_per_word;
/// Of 9 bits of the hash each: half of it has no more.
constexpr unsigned marks_per_id = 7;
constexpr unsigned bits_per_mark = 9;
constexpr std::size_t block_bytes = bits_per_block / 8;
constexpr std::size_t blocks_per_part = 63; // 4,032 bytes: as a row, a page (`id_run.cpp`)

} // namespace

/// The marks come from the second half of the hash, the block from the first.
id_filter::marks id_filter::marks_of(const id_hash& id) {
  marks out;
  out.place = half(id, 0) >> 32;
  auto bits = half(id, 8);
  for (unsigned i = 0; i < marks_per_id; ++i, bits >>= bits_per_mark)
    out.bits[bits % bits_per_block / bits_per_word] |= std::uint64_t{1} << bits % bits_per_word;
  return out;
}

id_filter::id_filter(std::uint64_t ids)
    : blocks_(std::max<std::uint64_t>(1, (ids * bits_per_id + bits_per_block - 1) / bits_per_block)) {}

void id_filter::add(const id_hash& id) {
  const auto of = marks_of(id);
  auto& b = blocks_[index(of)];
  for (std::size_t i = 0; i < words_per_block; ++i)
    b[i] |= of.bits[i];
}

std::size_t id_filter::parts() const {
  return (blocks_.size() + blocks_per_part - 1) / blocks_per_part;
}

std::string id_filter::part(std::size_t index) const {
  const auto first = index * blocks_per_part;
  const auto count = std::min(blocks_per_part, blocks_.size() - first);
  return {reinterpret_cast<const char*>(&blocks_[first]), count * block_bytes};
}

void id_filter::set_part(std::size_t index, std::optional<std::string_view> stored) {
  const auto first = index * blocks_per_part;
  const auto count = std::min(blocks_per_part, blocks_.size() - first);
  auto* const at = reinterpret_cast<char*>(&blocks_[first]);
  if (stored && stored->size() == count * block_bytes)
    std::copy(stored->begin(), stored->end(), at);
  else
    std::fill_n(at, count * block_bytes, '\xFF');
}

} // namespace carillon::account
