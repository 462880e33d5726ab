#pragma once

#include "api/call.hpp"
#include "api/router.hpp"

#include <string>
#include <vector>

namespace carillon::api {

/// A request is judged at its head, and again when its body has come later. It counts once against limits.
enum class first_look : bool { no, yes };

/// Who asks, and about which account.
struct permission {
  caller_ptr who;
  account_ptr account;
};

/// Judges credentials, scope and account of a request for a route. Throws `refusal`: 401, 403, or 404 for an
/// account that isn't there or isn't the caller's to see.
permission authorize(surroundings& around, const route& wanted, const std::vector<std::string>& values,
                     const net::http_request& request, first_look look);

} // namespace carillon::api
