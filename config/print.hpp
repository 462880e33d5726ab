#pragma once

#include "config/settings.hpp"

#include <string>

namespace carillon::config {

/// The effective configuration as a file that `--config-file=` reads back to the same settings. Secrets
/// appear only as a masked comment; `cluster.*`, which this version doesn't serve, doesn't appear.
std::string print(const settings& value);

} // namespace carillon::config
