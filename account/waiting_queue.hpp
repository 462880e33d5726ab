#pragma once

#include "domain/time.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

namespace carillon::account {

/// What waits for one subscription: (due, number), in the order of claiming. Most come at the end and leave
/// from the front; 16 bytes each.
class waiting_queue {
public:
  using entry = std::pair<domain::boot_time, std::uint64_t>;
  using const_iterator = std::deque<entry>::const_iterator;

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }
  const entry& front() const { return entries_.front(); }
  const entry& back() const { return entries_.back(); }

  void insert(const entry& e) {
    if (entries_.empty() || entries_.back() < e)
      entries_.push_back(e);
    else if (const auto place = std::lower_bound(entries_.begin(), entries_.end(), e); *place != e)
      entries_.insert(place, e);
  }

  void erase(const entry& e) {
    if (const auto place = std::lower_bound(entries_.begin(), entries_.end(), e);
        place != entries_.end() && *place == e)
      entries_.erase(place);
  }

private:
  std::deque<entry> entries_;
};

} // namespace carillon::account
