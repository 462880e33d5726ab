#include "account/notification_table.hpp"

#include <iterator>

namespace carillon::account {

const notification* notification_table::find(std::uint64_t number) const {
  const auto* b = find_block(number / block_size);
  return b == nullptr ? nullptr : b->places[number % block_size].get();
}

notification* notification_table::find(std::uint64_t number) {
  return const_cast<notification*>(std::as_const(*this).find(number));
}

notification& notification_table::put(notification n) {
  const auto number = raw(n.number);
  auto& b = blocks_[number / block_size];
  auto& place = b.places[number % block_size];
  if (!place)
    ++b.count;
  place = std::make_unique<notification>(std::move(n));
  return *place;
}

const notification_table::block* notification_table::find_block(std::uint64_t index) const {
  if (last_ != nullptr && last_->first == index)
    return &last_->second;
  const auto found = blocks_.find(index);
  if (found == blocks_.end())
    return nullptr;
  last_ = &*found;
  return &last_->second;
}

void notification_table::erase_final() {
  last_ = nullptr; // it may go
  for (auto it = blocks_.begin(); it != blocks_.end();) {
    auto& b = it->second;
    for (auto& place : b.places)
      if (place && is_final(place->state)) {
        place.reset();
        --b.count;
      }
    it = b.count == 0 ? blocks_.erase(it) : std::next(it);
  }
}

} // namespace carillon::account
