#include "account/notification_table.hpp"

#include <algorithm>

namespace carillon::account {

const notification* notification_table::find(std::uint64_t number) const {
  const auto* b = find_block(number / block_size);
  return b == nullptr ? nullptr : (*b->by_number)[number % block_size].get();
}

notification* notification_table::find(std::uint64_t number) {
  return const_cast<notification*>(std::as_const(*this).find(number));
}

notification& notification_table::put(notification n) {
  const auto number = raw(n.number);
  const auto index = number / block_size;
  auto* b = block_of(index);
  if (b == nullptr)
    b = &*blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(last_),
                         {index, 0, 0, std::make_unique<block::places>()});
  ++b->count;
  auto& place = (*b->by_number)[number % block_size];
  place = std::make_unique<notification>(std::move(n));
  return *place;
}

void notification_table::note_ended(const notification& n) {
  ended_.push_back(raw(n.number));
  ++block_of(raw(n.number) / block_size)->ended;
}

std::size_t notification_table::place_of(std::uint64_t index) const {
  if (blocks_.empty() || blocks_.back().index < index)
    return blocks_.size();
  const auto found = std::lower_bound(blocks_.begin(), blocks_.end(), index,
                                      [](const block& b, std::uint64_t wanted) { return b.index < wanted; });
  return static_cast<std::size_t>(found - blocks_.begin());
}

const notification_table::block* notification_table::find_block(std::uint64_t index) const {
  if (last_ >= blocks_.size() || blocks_[last_].index != index)
    last_ = place_of(index);
  return last_ < blocks_.size() && blocks_[last_].index == index ? &blocks_[last_] : nullptr;
}

notification_table::block* notification_table::block_of(std::uint64_t index) {
  return const_cast<block*>(std::as_const(*this).find_block(index));
}

void notification_table::erase_ended() {
  for (const auto number : std::exchange(ended_, {})) {
    auto& b = *block_of(number / block_size);
    (*b.by_number)[number % block_size].reset();
    --b.ended;
    --b.count;
  }
  std::erase_if(blocks_, [](const block& b) { return b.count == 0; });
}

} // namespace carillon::account
