#pragma once

#include "domain/event.hpp"
#include "domain/subscription.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

/// Why an event does or doesn't concern a subscription.
enum class match_reason : std::uint8_t {
  matched,
  entity,
  action,
  filter,
  field_unchanged, ///< none of `on_field_change` changed
  meta_only,       ///< an update that changes nothing but meta fields
  skip_key,
  custom_entity,
  held, ///< matched, but the subscription is not active: it waits (told by explain only)
};
/// "matched", "entity", "field-unchanged", ...
std::string_view to_string(match_reason r);

struct match_result {
  match_reason reason = match_reason::matched;
  std::string path; ///< the filter's or option's path that decided, else empty
  action as{};      ///< the concrete action that matched (derived actions!)
};

struct pipeliner_options;

/// Fields whose change alone is no update, per Copper's rules; configurable.
const std::vector<std::string>& default_meta_fields();

/// Whether one of the `wanted` paths changed: the same path, one above it (`custom_fields` for
/// `custom_fields.12`) or one below it. The wanted path that did, or nullptr. `changed` is sorted.
const std::string* changed_path(const std::vector<std::string>& wanted,
                                const std::vector<std::string_view>& changed);

/// A subscription's revision, compiled once: what matching needs is parsed and looked up here, nothing per
/// event. Immutable and shared.
class compiled_subscription {
public:
  /// The subscription must have passed its dialect's validation. Throws std::invalid_argument otherwise.
  /// `meta_fields`: what a Copper update must change more than.
  explicit compiled_subscription(subscription source,
                                 const std::vector<std::string>& meta_fields = default_meta_fields());
  ~compiled_subscription();
  compiled_subscription(const compiled_subscription&) = delete;

  const subscription& source() const { return source_; }

  /// Decides about one event. `request_skip_keys`: from the request's header.
  match_result match(const event& e, std::span<const std::string> request_skip_keys) const;

  /// The concrete (entity, action) pairs it may match, for the index; derived ones under the action they
  /// derive to.
  bool concerns(entity e, action a) const;

  /// Pipeliner's options; nullptr for another dialect.
  const pipeliner_options* pipeliner() const;

private:
  struct program;
  subscription source_;
  std::unique_ptr<program> program_;
};

using compiled_ptr = std::shared_ptr<const compiled_subscription>;

/// The actions an event counts as: its own and, for an Update that may derive, Move, OwnerChanged, Lost, Won.
std::vector<action> actions_of(const event& e);

} // namespace carillon::domain
