#pragma once

#include "domain/notification_body.hpp"

namespace carillon::domain {

/// Copper: a notification carries at most 30 ids.
inline constexpr std::uint32_t copper_ids_per_notification = 30;

/// The entity behind Copper's `type` (person → Contact, …); nothing for an unknown one.
std::optional<entity> copper_entity(std::string_view type);
/// The action behind Copper's `event` (new, update, delete); nothing for an unknown one.
std::optional<action> copper_action(std::string_view event);

/// The JSON object `updated_attributes` of an event: its `changes` as the bytes that came, or what differs
/// between `previous` and `record`; `{}` on anything but an update. With `computed_values`, the option ids
/// among the custom fields' values become the names that the event's `included` knows. The text lies in the
/// event, or in `buffer` where it had to be made.
std::string_view copper_updated_attributes(const event& e, action as, bool computed_values,
                                           std::string& buffer);

/// Copper's body and headers; the contract is that of `render_body`.
rendered_body render_copper(const subscription& s, std::span<const body_part> parts, secrets how);

/// Whether the member is one of a notification's own, which the `secret` cannot replace.
bool is_copper_body_member(std::string_view name);

} // namespace carillon::domain
