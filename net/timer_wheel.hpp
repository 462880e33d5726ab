#pragma once

#include "domain/time.hpp"

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace carillon::net {

/// Something that wants to be told when a moment has come. Leaves its wheel by itself when destroyed.
class timer_entry
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  virtual ~timer_entry() = default;
  timer_entry() = default;
  timer_entry(const timer_entry&) = delete;
  timer_entry& operator=(const timer_entry&) = delete;

  /// Called once per `arm`, at or after its moment; the entry is out of the wheel by then and may be armed
  /// again.
  virtual void on_due() = 0;

private:
  friend class timer_wheel;
  domain::boot_time due_{};
};

/// Thousands of deadlines behind one clock: arming and disarming cost a few pointer writes. Accurate to one
/// tick. No clock of its own and not thread-safe: whoever owns the wheel calls `advance` about every tick.
class timer_wheel {
public:
  static constexpr std::chrono::milliseconds tick{20};

  explicit timer_wheel(domain::boot_time now) : done_{tick_of(now)} {}

  /// Due at `when`; replaces what was armed before.
  void arm(timer_entry& entry, domain::boot_time when) {
    entry.unlink();
    entry.due_ = when;
    // Rounded up, so a slot is never visited before its entries are due.
    slots_[slot_of(std::max(tick_of(when) + 1, done_ + 1))].push_back(entry);
    empty_ = false;
  }

  void disarm(timer_entry& entry) { entry.unlink(); }

  /// True when nothing is armed; found out once a tick, so it may come late.
  bool empty() const noexcept { return empty_; }

  /// From when on `advance` may have something to do.
  domain::boot_time next_tick() const { return domain::boot_time{(done_ + 1) * tick}; }

  /// Calls everything that was due at `now` or before.
  void advance(domain::boot_time now) {
    const auto last = tick_of(now);
    if (last <= done_)
      return;
    // After a long pause every slot is visited once; that covers everything.
    auto next = std::max(done_ + 1, last - static_cast<std::int64_t>(slots_.size()) + 1);
    for (; next <= last; ++next) {
      done_ = next;
      list visited;
      visited.swap(slots_[slot_of(next)]);
      while (!visited.empty()) {
        auto& entry = visited.front();
        entry.unlink();
        if (entry.due_ <= now)
          entry.on_due(); // may disarm others that are still in `visited`
        else
          slots_[slot_of(next)].push_back(entry);
      }
    }
    // Entries leave without telling, so they are looked for; a wheel in use shows one soon.
    empty_ =
        empty_ || std::all_of(slots_.begin(), slots_.end(), [](const list& slot) { return slot.empty(); });
  }

private:
  using list = boost::intrusive::list<timer_entry, boost::intrusive::constant_time_size<false>>;

  static std::int64_t tick_of(domain::boot_time when) { return when.time_since_epoch() / tick; }
  std::size_t slot_of(std::int64_t number) const { return static_cast<std::size_t>(number) % slots_.size(); }

  std::array<list, 1024> slots_; ///< about 20 s a round; what is due later stays for further rounds
  std::int64_t done_;            ///< the last tick that was visited
  bool empty_ = true;
};

} // namespace carillon::net
