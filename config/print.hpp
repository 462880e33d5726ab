#pragma once

#include "config/settings.hpp"

#include <string>

namespace carillon::config {

/// The effective configuration as a file that `--config-file=` reads back to the same settings. Secrets
/// appear only as a masked comment.
std::string print(const settings& value);

/// What `--help` says about settings: where they may stand, then every flag with its value in `defaults` and
/// what it takes.
std::string describe_keys(const settings& defaults);

} // namespace carillon::config
