#pragma once

#include "account/notification.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace carillon::account {

/// Notifications by number, in blocks as the store has them: numbers are dense, so one costs little more than
/// itself, and going over the blocks costs little, however many wait. What it holds stays where it is until it is
/// erased.
class notification_table {
public:
  struct block {
    using places = std::array<std::unique_ptr<notification>, block_size>;

    std::uint64_t index = 0;           ///< its numbers divided by `block_size`
    std::uint32_t count = 0;           ///< notifications in it
    std::uint32_t ended = 0;           ///< of these
    std::unique_ptr<places> by_number; ///< modulo `block_size`

    bool has_open() const { return ended < count; }
  };

  /// nullptr when it is not there.
  notification* find(std::uint64_t number);
  const notification* find(std::uint64_t number) const;

  /// Puts it in. Its number must not be there yet.
  notification& put(notification n);

  /// To be called once when the state of one has become final: it goes with the next `erase_ended`.
  void note_ended(const notification& n);

  /// The block of that index; nullptr when nothing is in it.
  const block* find_block(std::uint64_t index) const;
  /// By index.
  const std::vector<block>& blocks() const { return blocks_; }

  /// Lets go of those that ended.
  void erase_ended();

  /// Visits all, by number.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& b : blocks_)
      for (const auto& n : *b.by_number)
        if (n)
          visit(std::as_const(*n));
  }

private:
  /// Where the block of that index is, or would be.
  std::size_t place_of(std::uint64_t index) const;
  block* block_of(std::uint64_t index);

  std::vector<block> blocks_;
  std::vector<std::uint64_t> ended_; ///< their numbers
  /// Where `find_block` looked last: who asks for a number mostly asks for its neighbours next.
  mutable std::size_t last_ = 0;
};

} // namespace carillon::account
