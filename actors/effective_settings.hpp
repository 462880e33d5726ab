#pragma once

#include "account/settings.hpp"
#include "config/settings.hpp"
#include "storage/catalog.hpp"

namespace carillon::actors {

/// What holds for an account: its profile where it says something, else the node's defaults.
account::settings effective_settings(const storage::account_profile& profile, const config::settings& node,
                                     bool held);

} // namespace carillon::actors
