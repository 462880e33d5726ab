#pragma once

#include "domain/member_index.hpp"

#include <string_view>

namespace carillon::domain {

/// The record that a relation's URI names, among those an event brings along. `included` is keyed by the URI
/// itself or by its last two parts, the entity's name in the plural or singular: ".../entities/Clients/7" is
/// found under "Clients/7" and "Client/7". An empty view when it isn't there.
std::string_view find_included(const member_index& included, std::string_view uri);

} // namespace carillon::domain
