#pragma once

#include "api/call.hpp"
#include "domain/dialects/pipeliner.hpp"
#include "net/task.hpp"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Reading webhooks, and changing one or several as one decision.
namespace carillon::api {

/// All subscriptions of Pipeliner's dialect, deleted ones included, in order of creation.
net::task<std::vector<domain::subscription>> read_webhooks(call& c);

/// One webhook that is to be made or changed.
struct webhook_change {
  std::string uuid;         ///< empty: a new one
  bool deleted_too = false; ///< whether it finds a deleted one
  /// Makes the subscription what it shall be, or says why not. Called again when it was changed meanwhile.
  std::function<std::optional<domain::pipeliner_failure>(domain::subscription&)> apply;
};

/// What became of one change.
using webhook_result = std::variant<domain::subscription, domain::pipeliner_failure>;

/// Carries the changes out, in one commit. `all_or_nothing`: any failure among the results means that
/// nothing was changed. Else each fails alone. Throws `refusal` when the account can't be asked.
net::task<std::vector<webhook_result>>
change_webhooks(call& c, const std::vector<webhook_change>& wanted, bool all_or_nothing);

/// The failure of a webhook that isn't there.
domain::pipeliner_failure no_such_webhook(std::string_view uuid);

} // namespace carillon::api
