#include "account/holding.hpp"

namespace carillon::account {

using domain::subscription_status;

std::optional<holding_verdict> judge(const domain::subscription& s, const domain::delivery_result& result,
                                     domain::wall_time now, const suspension_rule& rule) {
  if (result.state == domain::notification_state::delivered) {
    if (s.status == subscription_status::suspended)
      return holding_verdict{subscription_status::active, ""};
    return std::nullopt;
  }
  if (s.status != subscription_status::active || result.state == domain::notification_state::unknown)
    return std::nullopt;
  if (result.status_code == 410)
    return holding_verdict{subscription_status::suspended, "the endpoint answered 410 Gone"};
  if (s.consecutive_failures >= rule.failures && s.first_failure && now - *s.first_failure >= rule.over)
    return holding_verdict{subscription_status::suspended, std::to_string(s.consecutive_failures) +
                                                               " failures in a row since the last success"};
  return std::nullopt;
}

} // namespace carillon::account
