#pragma once

#include "config/settings.hpp"
#include "config/sources.hpp"

#include <map>
#include <string>
#include <vector>

namespace carillon::config {

/// What a start (or a reload) has to go by.
struct load_request {
  std::vector<std::string> arguments; ///< of the command line, after the subcommand
  std::map<std::string, std::string> environment;
  std::vector<std::string> own_options; ///< of the subcommand, such as "--print": handed back, not judged
  settings
      base; ///< what a key has that no source sets; `process.threads` is then the usable cores all the same
};

struct load_result {
  settings value; ///< complete and consistent when `errors` is empty, else not to be used
  std::vector<setting_error> errors;
  std::vector<std::string> options;    ///< those of `own_options` that were given, as written
  std::vector<std::string> positional; ///< what doesn't begin with "--"
  bool ok() const { return errors.empty(); }
  /// All errors, one a line, each beginning with "carillon: ".
  std::string report() const;
};

/// Reads flags, environment and the file that `--config-file=` names, in this order of precedence, and judges
/// all of it: unknown keys, bad values of every source (also of those that another overrides), keys that
/// contradict each other, files that can't be read. Reads no other file and changes nothing. Call it again
/// for a reload.
load_result load(const load_request& request);

/// The keys whose values differ and that only a restart changes. Empty: `after` may take the place of
/// `before`.
std::vector<std::string> changes_that_need_restart(const settings& before, const settings& after);

} // namespace carillon::config
