#pragma once

#include <cstddef>
#include <cstdint>

namespace carillon::sim {

/// The same numbers for the same seed, with every compiler (splitmix64).
class seeded_random {
public:
  explicit seeded_random(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// From 0 to `end`, without it.
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
  bool per_mille(std::uint64_t chance) { return below(1000) < chance; }
  template <class Container>
  auto& one_of(Container& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }

private:
  std::uint64_t state_;
};

} // namespace carillon::sim
