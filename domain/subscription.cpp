#include "domain/subscription.hpp"

namespace carillon::domain {

std::string_view to_string(dialect d) {
  return d == dialect::copper ? "copper" : "pipeliner";
}

std::string_view to_string(subscription_status s) {
  switch (s) {
  case subscription_status::active:
    return "active";
  case subscription_status::paused:
    return "paused";
  default:
    return "suspended";
  }
}

} // namespace carillon::domain
