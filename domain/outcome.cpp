#include "domain/outcome.hpp"

#include <array>

namespace carillon::domain {

namespace {
constexpr std::array<std::string_view, 8> state_names{"pending", "claimed", "delivered", "rejected",
                                                      "failed",  "unknown", "expired",   "cancelled"};
constexpr std::array<std::string_view, 7> failure_names{"", "dns", "connect", "tls", "timeout", "protocol", "egress"};
} // namespace

std::string_view to_string(notification_state s) { return state_names[static_cast<std::size_t>(s)]; }

std::optional<notification_state> parse_notification_state(std::string_view text) {
  for (std::size_t i = 0; i < state_names.size(); ++i)
    if (state_names[i] == text)
      return static_cast<notification_state>(i);
  return std::nullopt;
}

std::string_view to_string(failure_class c) { return failure_names[static_cast<std::size_t>(c)]; }

} // namespace carillon::domain
