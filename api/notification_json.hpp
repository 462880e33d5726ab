#pragma once

#include "account/requests.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <string>

/// What notifications look like in log and feed.
namespace carillon::api {

/// Whose notification it is, and in which generation of the store: what its public ids hold.
struct notification_owner {
  std::uint32_t generation = 0;
  domain::account_id account{};
};

/// The notification's object.
std::string render_notification(const account::notification& n, const notification_owner& owner);

/// The same with `url`, `body` and `response_excerpt`.
std::string render_notification(const account::notification_reply& reply, const notification_owner& owner);

} // namespace carillon::api
