#pragma once

#include "config/keys.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Where values come from. Each function only reads its source; `load` judges the values and says which one
/// wins.
namespace carillon::config {

/// A value and where it stands.
struct found_value {
  std::string key;
  raw_value value;
  std::string where; ///< for people: "the flag --http.listen", "carillon.conf"
};

/// What is wrong with one key (or with a source as a whole: then `key` is its name), in words that say what
/// to do.
struct setting_error {
  std::string key;
  std::string message; ///< complete, one line; names the key, the bad value and what is allowed
  bool operator==(const setting_error&) const = default;
};

/// A command line after its subcommand.
struct parsed_arguments {
  std::vector<found_value> values;     ///< from flags `--key=value`; in order: the last one of a key counts
  std::string config_file;             ///< from `--config-file=F`; empty without one
  std::vector<std::string> options;    ///< those of the command itself, as written
  std::vector<std::string> positional; ///< what doesn't begin with "--"
  std::vector<setting_error> errors;
};

/// `own_options` are those of the command that calls, such as "--print"; `--name=value` counts as its
/// "--name".
parsed_arguments read_arguments(std::span<const std::string> arguments,
                                std::span<const std::string> own_options);

/// The variables CARILLON_<SECTION>_<KEY>. Others that begin with CARILLON_ are errors, but for the
/// administrator's token, the test suite's own and those that Kubernetes sets for a service of that name.
std::vector<found_value> read_environment(const std::map<std::string, std::string>& environment,
                                          std::vector<setting_error>& errors);

/// A file in CAF's configuration syntax, `[section]` or `section { key = value }`.
std::vector<found_value> read_file(const std::string& path, std::vector<setting_error>& errors);

/// The same from text; `name` stands for the file in messages.
std::vector<found_value> read_text(const std::string& text, const std::string& name,
                                   std::vector<setting_error>& errors);

/// The variables of this process.
std::map<std::string, std::string> process_environment();

} // namespace carillon::config
