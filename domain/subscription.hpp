#pragma once

#include "domain/ids.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::domain {

enum class dialect : std::uint8_t { copper = 0, pipeliner = 1 };
std::string_view to_string(dialect d);

/// Whether a subscription's matches are sent. While it is not active they wait.
enum class subscription_status : std::uint8_t {
  active = 0,
  paused = 1,    ///< by its owner
  suspended = 2, ///< by Carillon: 410, or too many failures in a row over too long
};
std::string_view to_string(subscription_status s);

using string_pairs = std::vector<std::pair<std::string, std::string>>;

/// Copper's part of a subscription, as `dialects/copper` validated it.
struct copper_fields {
  std::string type;                    ///< lead, person, company, opportunity, project, task, activity_log
  std::string event;                   ///< new, update, delete
  std::optional<string_pairs> secret;  ///< merged into the body as top-level keys, in this order
  std::optional<string_pairs> headers; ///< custom header fields of every notification
  std::optional<bool> custom_field_computed_values;
};

/// Pipeliner's part of a subscription.
struct pipeliner_fields {
  std::string uuid;                ///< the webhook's id outside
  std::vector<std::string> events; ///< "*", "X.*", "X.Action"
  std::string options = "{}";      ///< JSON object as it came
  std::optional<std::string> signature;
  std::string application_id;       ///< the creating key's UUID
  std::optional<wall_time> deleted; ///< soft delete
};

/// A secret for `webhook-signature`, with the one before it during a rotation's grace time.
struct signing_secret {
  std::string current;  ///< raw key bytes, 24..64
  std::string previous; ///< empty: none
  std::optional<wall_time> previous_expires;
};

/// Who wants which events where. Every change by its owner makes a new `revision`.
struct subscription {
  subscription_id id{};
  std::uint32_t revision = 1;
  dialect speaks = dialect::copper;
  std::string target; ///< https URL
  bool insecure_ssl = false;
  wall_time created{}, modified{};
  std::string description;

  copper_fields copper;       ///< when `speaks` is copper
  pipeliner_fields pipeliner; ///< when `speaks` is pipeliner

  // Native options, on both kinds:
  std::string filter;                       ///< JSON object (see filter.hpp); empty: none
  std::vector<std::string> on_field_change; ///< empty: any
  std::vector<std::string> skip_keys;
  bool ordered = false; ///< the next notification waits for the previous outcome
  signing_secret signing;

  // Holding; changed by Carillon as well, without a new revision:
  subscription_status status = subscription_status::active;
  std::string status_reason;
  wall_time status_since{};
  std::uint32_t consecutive_failures = 0;
  std::optional<wall_time> first_failure; ///< of the failures in a row
};

} // namespace carillon::domain
