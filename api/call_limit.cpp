#include "api/call_limit.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <vector>

namespace carillon::api {

namespace {
/// When so many accounts are counted, those that made no call within the window are let go.
constexpr std::size_t tidy_from = 10'000;
} // namespace

std::uint32_t call_limit::take(domain::account_id account, domain::boot_time now) {
  const std::lock_guard lock{guard_};
  if (accounts_.size() >= tidy_from)
    for (auto it = accounts_.begin(); it != accounts_.end();)
      it = it->second.free(now) == window_.count ? accounts_.erase(it) : std::next(it);
  auto& calls = accounts_.try_emplace(raw(account), std::vector{window_}).first->second;
  if (calls.free(now) > 0) {
    calls.take(1);
    calls.settle(now);
    return 0;
  }
  const auto left = calls.next_free(now).value_or(now + window_.length) - now;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(seconds, 1));
}

} // namespace carillon::api
