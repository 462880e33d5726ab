#include "replication/row_ages.hpp"

#include <algorithm>
#include <utility>

namespace carillon::replication {

void row_ages::durable(std::uint64_t through, std::chrono::milliseconds now) {
  if (!moments_.empty() && through <= moments_.back().through)
    return;
  if (!moments_.empty() && moments_.back().at == now) {
    moments_.back().through = through;
    return;
  }
  moments_.push_back({now, through});
  if (moments_.size() <= most_moments)
    return;
  std::deque<moment> kept;
  for (std::size_t i = 0; i + 1 < moments_.size(); i += 2)
    kept.push_back({moments_[i].at, moments_[i + 1].through});
  if (moments_.size() % 2 != 0)
    kept.push_back(moments_.back());
  moments_ = std::move(kept);
}

void row_ages::forget(std::uint64_t through) {
  forgotten_ = std::max(forgotten_, through);
  while (!moments_.empty() && moments_.front().through <= through)
    moments_.pop_front();
}

std::optional<std::chrono::milliseconds> row_ages::since(std::uint64_t seq) const {
  const auto found = std::ranges::lower_bound(moments_, seq, {}, &moment::through);
  if (seq <= forgotten_ || found == moments_.end())
    return std::nullopt;
  return found->at;
}

} // namespace carillon::replication
