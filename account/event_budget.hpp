#pragma once

#include <atomic>
#include <cstdint>

namespace carillon::account {

/// How many bytes of events all accounts of a node together keep parsed for their pending notifications; what
/// is beyond is read from the log again when it is sent. Thread-safe.
class event_budget {
public:
  explicit event_budget(std::uint64_t bytes) : left_{static_cast<std::int64_t>(bytes)} {}

  /// False when there is not so much left.
  bool take(std::uint64_t bytes) {
    const auto wanted = static_cast<std::int64_t>(bytes);
    if (left_.fetch_sub(wanted, std::memory_order_relaxed) >= wanted)
      return true;
    left_.fetch_add(wanted, std::memory_order_relaxed);
    return false;
  }

  void give_back(std::uint64_t bytes) {
    left_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }

private:
  std::atomic<std::int64_t> left_;
};

} // namespace carillon::account
