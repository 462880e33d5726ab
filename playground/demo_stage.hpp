#pragma once

#include "playground/demo_account.hpp"
#include "playground/demo_client.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::playground {

/// How much of the demo account's limit is used, and what waits.
struct demo_usage {
  std::uint64_t used = 0;
  std::uint64_t count = 0;
  std::uint64_t seconds = 0;
  std::uint64_t pending = 0; ///< notifications
  std::uint64_t in_flight = 0;
};

/// Where the scenes are played: the demo account, to which the SaaS posts what changes. Belongs to one
/// thread, but for `stop`. All throw std::runtime_error when the node doesn't do as it should, demo_stopped
/// after `stop`.
class demo_stage {
public:
  explicit demo_stage(const demo_access& access) : access_(access), client_(access.url) {}

  /// One event, or an array of them, made by whoever the skip key belongs to; empty: nobody's. Returns how
  /// many notifications that caused.
  std::uint64_t post(const std::string& events, std::string_view skip_key = {});

  demo_usage usage();

  /// Until no notification waits or is under way, but for those of subscriptions that are paused or
  /// suspended.
  void wait_until_idle();

  /// Until so many POSTs may go at once. Returns also when the limit never has room for them.
  void wait_for_places(std::uint64_t places);

  void sleep(std::chrono::milliseconds time) { client_.sleep(time); }

  /// From any thread.
  void stop() { client_.stop(); }

private:
  bool only_held_ones_wait();

  const demo_access& access_;
  demo_client client_;
};

} // namespace carillon::playground
