#pragma once

#include "playground/demo_account.hpp"
#include "playground/demo_changes.hpp"
#include "playground/demo_console.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace carillon::playground {

/// Plays the SaaS: shows what Carillon does in four short scenes, then lets the CRM live on slowly.
class demo_story {
public:
  demo_story(const demo_access& access, demo_console& console);

  /// Single changes, a bulk edit, a burst over the limit, endpoints that fail; each scene ends when nothing
  /// is pending any more. Throws std::runtime_error when the node doesn't do as it should, demo_stopped after
  /// `stop`.
  void play_scenes();

  /// One change every two seconds: so many, or until `stop`, which throws demo_stopped.
  void live_on(std::optional<std::uint64_t> changes);

  /// From any thread.
  void stop() { client_.stop(); }

private:
  void post(const std::string& events);
  void tell_limit();
  /// Until no notification waits or is under way, but for those of subscriptions that are paused or
  /// suspended.
  void wait_until_idle();
  bool only_held_ones_wait();
  void wait_for_missed(std::uint64_t count);

  const demo_access& access_;
  demo_console& console_;
  demo_client client_;
  demo_changes changes_;
};

/// Follows the missed feed with long polls and tells each entry.
class demo_feed {
public:
  /// From now on: asks for the feed's end, so that nothing which ends later is left out.
  demo_feed(const demo_access& access, demo_console& console);

  /// Until `stop`.
  void follow();

  void stop() { client_.stop(); }

private:
  void tell(const std::string& page);

  const demo_access& access_;
  demo_console& console_;
  demo_client client_;
  std::string after_;
  std::map<std::string, std::string> names_;
};

} // namespace carillon::playground
