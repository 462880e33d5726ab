#pragma once

#include "domain/event.hpp"
#include "domain/subscription.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The native API's view of a subscription: the options that every dialect's subscriptions have.
namespace carillon::domain {

/// Bounds of the native options.
inline constexpr std::size_t max_description = 1'024; ///< bytes
inline constexpr std::size_t max_filter_bytes = 16 * 1'024;
inline constexpr std::size_t max_watched_fields = 100; ///< of `on_field_change`
inline constexpr std::size_t max_watched_field = 256;  ///< bytes of one path
inline constexpr std::size_t max_subscription_skip_keys = 32;

/// A PATCH body, validated: what it doesn't mention is empty here. null in the body resets to the default.
struct native_patch {
  std::optional<subscription_status> status; ///< active or paused
  std::optional<std::string> description;
  std::optional<std::string> filter; ///< JSON as it came; empty: none
  std::optional<std::vector<std::string>> on_field_change;
  std::optional<std::vector<std::string>> skip_keys;
  std::optional<bool> ordered;

  /// Whether it changes what a revision holds: everything but the status.
  bool makes_revision() const { return description || filter || on_field_change || skip_keys || ordered; }
};

/// Parses and validates a PATCH body. On failure the result is empty and `error` names each place.
std::optional<native_patch> parse_native_patch(std::string_view body, parse_error& error);

/// Applies a patch made at `now`: raises the revision when the patch asks for one. A status of `active`
/// forgets the failures in a row.
void apply_native_patch(const native_patch& patch, wall_time now, subscription& s);

/// The subscription as a JSON object; secrets and header values are masked.
std::string render_native_subscription(const subscription& s);

} // namespace carillon::domain
