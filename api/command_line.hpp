#pragma once

#include "config/load.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::api {

/// What a command expects on its line, for its --help and to judge what it is given.
struct command_line {
  std::string_view usage;   ///< "carillon backup DIR [--key=value...]"
  std::string_view summary; ///< what it does, in some lines
  std::vector<std::string> options;
  std::size_t positional = 0;
  bool more_positional = false; ///< any number of them from that on
};

/// The loaded settings; or the exit code when there is nothing more to do: help was printed (0), the line
/// can't be understood (2) or the configuration is refused (1). Errors go to stderr.
struct parsed_command {
  std::optional<config::load_result> settings;
  int code = 0;
};
parsed_command parse_command(const command_line& expected, const std::vector<std::string>& arguments);

} // namespace carillon::api
