#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>

namespace carillon::net {

struct delivery_target;

/// Targets whose last POST got no answer before its deadline.
class silent_targets {
public:
  static constexpr std::size_t most = 4096; ///< further ones count as if they answered

  bool contains(const std::shared_ptr<const delivery_target>& target) const {
    return !targets_.empty() && targets_.contains(target);
  }

  void note(const std::shared_ptr<const delivery_target>& target) {
    if (targets_.size() >= most)
      std::erase_if(targets_, [](const auto& entry) { return entry.expired(); });
    if (targets_.size() < most)
      targets_.insert(target);
  }

  void forget(const std::shared_ptr<const delivery_target>& target) {
    if (!targets_.empty())
      targets_.erase(target);
  }

private:
  /// By owner, so that a target made at the place of one that is gone isn't taken for it.
  std::set<std::weak_ptr<const delivery_target>, std::owner_less<>> targets_;
};

} // namespace carillon::net
