#pragma once

#include "account/event_id.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::account {

/// Tells of most ids that a run does not hold them: a Bloom filter of 2 bytes an id, of which a look touches
/// one cache line. One id in about 1,000 that the run does not hold gets a "perhaps".
///
/// It is stored in parts, each of a page of the store.
class id_filter {
public:
  static constexpr std::size_t words_per_block = 8; ///< a cache line
  using block = std::array<std::uint64_t, words_per_block>;

  /// What an id leaves in any filter, made once to look into many.
  struct marks {
    std::uint64_t place = 0; ///< how far into the filter, in parts of 2^32
    block bits{};
  };
  static marks marks_of(const id_hash& id);

  /// Empty, with room for so many ids. The same number makes the same parts.
  explicit id_filter(std::uint64_t ids);

  void add(const id_hash& id);
  /// False: surely not.
  bool perhaps(const marks& of) const {
    const auto& b = blocks_[index(of)];
    std::uint64_t missing = 0; // without a branch a word: half of them would be guessed wrongly
    for (std::size_t i = 0; i < words_per_block; ++i)
      missing |= of.bits[i] & ~b[i];
    return missing == 0;
  }

  /// Has the processor fetch what `perhaps` will need.
  void prefetch(const marks& of) const { __builtin_prefetch(&blocks_[index(of)]); }

  std::size_t parts() const;
  std::string part(std::size_t index) const;
  /// Puts a stored part in its place; nothing (it is lost or damaged), or one of another size, says "perhaps"
  /// to every id, so that no more than reads are lost with it.
  void set_part(std::size_t index, std::optional<std::string_view> stored);

private:
  /// In the order of the hashes, so that a run in that order fills the filter from one end to the other.
  std::size_t index(const marks& of) const { return of.place * blocks_.size() >> 32; }

  std::vector<block> blocks_;
};

} // namespace carillon::account
