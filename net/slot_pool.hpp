#pragma once

#include <atomic>
#include <cstdint>

namespace carillon::net {

/// The node's total of POSTs in flight (`delivery.total`). A slot is taken before a claim is made and given back
/// when its outcome is known. Thread-safe and wait-free; who gets none asks again when told that slots are free.
class slot_pool {
public:
  explicit slot_pool(std::uint32_t total) : free_{static_cast<std::int64_t>(total)} {}

  /// Takes up to `wanted` slots; returns how many it got, 0..wanted.
  std::uint32_t try_acquire(std::uint32_t wanted) noexcept {
    auto before = free_.load(std::memory_order_relaxed);
    for (;;) {
      if (before <= 0)
        return 0;
      const auto got = before < static_cast<std::int64_t>(wanted) ? before : static_cast<std::int64_t>(wanted);
      if (free_.compare_exchange_weak(before, before - got, std::memory_order_acq_rel))
        return static_cast<std::uint32_t>(got);
    }
  }

  void release(std::uint32_t count) noexcept { free_.fetch_add(count, std::memory_order_acq_rel); }

  std::int64_t available() const noexcept { return free_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::int64_t> free_;
};

} // namespace carillon::net
