#include "account/id_filter.hpp"

#include <algorithm>

namespace carillon::account {

namespace {

constexpr std::uint64_t bits_per_id = 16;
constexpr std::uint64_t bits_per_block = 512; // a cache line
/// Of 9 bits of the hash each: half of it has no more.
constexpr unsigned marks = 7;
constexpr unsigned bits_per_mark = 9;
constexpr std::size_t block_bytes = bits_per_block / 8;
constexpr std::size_t blocks_per_part = 63; // 4,032 bytes: as a row, a page (`id_run.cpp`)

std::uint64_t half(const id_hash& id, std::size_t at) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < sizeof v; ++i)
    v = v << 8 | id[at + i];
  return v;
}

/// The marks come from the second half of the hash, the block from the first.
template <class Visit>
bool all_marks(const id_hash& id, Visit visit) {
  auto bits = half(id, 8);
  for (unsigned i = 0; i < marks; ++i, bits >>= bits_per_mark)
    if (!visit((bits % bits_per_block) / 64, std::uint64_t{1} << (bits % 64)))
      return false;
  return true;
}

} // namespace

id_filter::id_filter(std::uint64_t ids)
    : blocks_(std::max<std::uint64_t>(1, (ids * bits_per_id + bits_per_block - 1) / bits_per_block)) {}

/// In the order of the hashes, so that a run in that order fills the filter from one end to the other.
const id_filter::block& id_filter::of(const id_hash& id) const {
  return blocks_[((half(id, 0) >> 32) * blocks_.size()) >> 32];
}

id_filter::block& id_filter::of(const id_hash& id) {
  return blocks_[((half(id, 0) >> 32) * blocks_.size()) >> 32];
}

void id_filter::add(const id_hash& id) {
  auto& b = of(id);
  all_marks(id, [&b](std::size_t word, std::uint64_t bit) {
    b[word] |= bit;
    return true;
  });
}

bool id_filter::perhaps(const id_hash& id) const {
  const auto& b = of(id);
  return all_marks(id, [&b](std::size_t word, std::uint64_t bit) { return (b[word] & bit) != 0; });
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
