#pragma once

#include "config/settings.hpp"
#include "config/sources.hpp"

#include <map>
#include <string>
#include <vector>

/// What can only be judged when all values are known.
namespace carillon::config {

/// Keys that contradict each other, and those that only make sense together.
void check_consistency(const settings& value, std::vector<setting_error>& errors);

/// That the files the settings name can be read, and that the master keys are well-formed.
void check_files(const settings& value, std::vector<setting_error>& errors);

/// Sets `auth.admin_token` from CARILLON_ADMIN_TOKEN or from `auth.admin-token-file`, blanks around it
/// removed.
void read_admin_token(settings& value, const std::map<std::string, std::string>& environment,
                      std::vector<setting_error>& errors);

} // namespace carillon::config
