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
  /// Empty, with room for so many ids. The same number makes the same parts.
  explicit id_filter(std::uint64_t ids);

  void add(const id_hash& id);
  /// False: surely not.
  bool perhaps(const id_hash& id) const;

  std::size_t parts() const;
  std::string part(std::size_t index) const;
  /// Puts a stored part in its place; nothing (it is lost or damaged), or one of another size, says "perhaps"
  /// to every id, so that no more than reads are lost with it.
  void set_part(std::size_t index, std::optional<std::string_view> stored);

private:
  using block = std::array<std::uint64_t, 8>;
  block& of(const id_hash& id);
  const block& of(const id_hash& id) const;

  std::vector<block> blocks_;
};

} // namespace carillon::account
