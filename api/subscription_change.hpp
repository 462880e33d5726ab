#pragma once

#include "api/call.hpp"
#include "domain/subscription.hpp"
#include "net/task.hpp"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

/// Reading and changing one subscription, for every dialect's API.
namespace carillon::api {

/// The number in a path; nothing for anything but its canonical decimal form.
std::optional<domain::subscription_id> parse_subscription_id(std::string_view text);

/// All that are not (softly) deleted, in order of creation.
net::task<std::vector<domain::subscription>> read_subscriptions(call& c);

/// Throws `refusal` 404 when there is none.
net::task<domain::subscription> read_subscription(call& c, domain::subscription_id id);

/// Makes the subscription what it shall be; may throw `refusal`. Called again when somebody else changed it
/// meanwhile.
using subscription_change = std::function<void(domain::subscription&)>;

/// Reads, changes and writes back, again when it was changed between the two. Yields what is stored now.
net::task<domain::subscription> change_subscription(call& c, domain::subscription_id id,
                                                                 const subscription_change& change);

} // namespace carillon::api
