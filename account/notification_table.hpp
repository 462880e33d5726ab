#pragma once

#include "account/notification.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace carillon::account {

/// Notifications by number, in blocks as the store has them: numbers are dense, so one costs little more than
/// itself. What it holds stays where it is until it is erased.
class notification_table {
public:
  struct block {
    std::array<std::unique_ptr<notification>, block_size> places; ///< by number modulo `block_size`
    std::size_t count = 0;
  };

  /// nullptr when it is not there.
  notification* find(std::uint64_t number);
  const notification* find(std::uint64_t number) const;

  /// Puts it in, in place of one with its number.
  notification& put(notification n);

  /// Those whose numbers divided by `block_size` give `index`; nullptr when there are none.
  const block* find_block(std::uint64_t index) const;
  const std::map<std::uint64_t, block>& blocks() const { return blocks_; }

  /// Lets go of those that ended.
  void erase_final();

  /// Visits all, by number.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& [index, b] : blocks_)
      for (const auto& n : b.places)
        if (n)
          visit(std::as_const(*n));
  }

private:
  std::map<std::uint64_t, block> blocks_;
  /// What `find_block` found last: who asks for a number mostly asks for its neighbours next.
  mutable const std::pair<const std::uint64_t, block>* last_ = nullptr;
};

} // namespace carillon::account
