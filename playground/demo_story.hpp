#pragma once

#include "playground/demo_account.hpp"
#include "playground/demo_changes.hpp"
#include "playground/demo_console.hpp"
#include "playground/demo_stage.hpp"

#include <cstdint>
#include <optional>

namespace carillon::playground {

/// Plays the SaaS: shows what Carillon does in short scenes, then lets the CRM live on slowly.
class demo_story {
public:
  demo_story(const demo_access& access, demo_console& console);

  /// Single changes, a bulk edit, a burst over the limit, endpoints that fail, then Pipeliner's; each scene
  /// ends when nothing is pending any more. Throws std::runtime_error when the node doesn't do as it should,
  /// demo_stopped after `stop`.
  void play_scenes();

  /// One change every two seconds: so many, or until `stop`, which throws demo_stopped.
  void live_on(std::optional<std::uint64_t> changes);

  /// From any thread.
  void stop() { stage_.stop(); }

private:
  void tell_limit();
  void wait_for_missed(std::uint64_t count);

  demo_console& console_;
  demo_stage stage_;
  demo_changes changes_;
};

} // namespace carillon::playground
