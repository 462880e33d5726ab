#pragma once

#include "domain/notification_body.hpp"

namespace carillon::domain {

/// Pipeliner's body, an array of items, and its signature header; the contract is that of `render_body`.
rendered_body render_pipeliner(const compiled_subscription& s, std::string_view account,
                               std::span<const body_part> parts, secrets how);

} // namespace carillon::domain
