#include "config/sources.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace carillon::config {

namespace {

constexpr std::string_view prefix = "CARILLON_";

/// The known key that a misspelt one most likely means: the nearest by edits, if it is near at all.
std::string suggestion(std::string_view wrong) {
  constexpr std::size_t near = 3;
  std::size_t best = near + 1;
  std::string_view best_name;
  for (const auto& candidate : all_keys()) {
    const std::string_view right = candidate.name;
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j)
      row[j] = j;
    for (std::size_t i = 1; i <= wrong.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i);
      for (std::size_t j = 1; j <= right.size(); ++j) {
        const auto replaced = diagonal + (wrong[i - 1] == right[j - 1] ? 0U : 1U);
        diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
      }
    }
    if (row.back() < best) {
      best = row.back();
      best_name = right;
    }
  }
  return best_name.empty() ? std::string{} : "; did you mean " + std::string{best_name} + "?";
}

bool is_foreign_variable(std::string_view name) {
  // CARILLON_BUILD tells the process-level tests where the executables are; their children inherit it.
  // CARILLON_SERVICE_HOST, CARILLON_PORT_8080_TCP and the like come with a Kubernetes service named
  // "carillon".
  return name == "CARILLON_ADMIN_TOKEN" || name == "CARILLON_BUILD" || name == "CARILLON_PORT" ||
         name.starts_with("CARILLON_TEST_") || name.starts_with("CARILLON_PORT_") ||
         name.starts_with("CARILLON_SERVICE_");
}

} // namespace

parsed_arguments read_arguments(std::span<const std::string> arguments,
                                std::span<const std::string> own_options) {
  parsed_arguments result;
  for (const auto& argument : arguments) {
    if (!argument.starts_with("--")) {
      result.positional.push_back(argument);
      continue;
    }
    const auto equals = argument.find('=');
    const auto flag = argument.substr(0, equals);
    const auto name = flag.substr(2);
    if (std::ranges::find(own_options, flag) != own_options.end()) {
      result.options.push_back(argument);
    } else if (name != "config-file" && find_key(name) == nullptr) {
      const auto* kind = name.find('.') == std::string::npos ? "unknown option " : "unknown key ";
      result.errors.push_back({name, kind + flag + suggestion(name)});
    } else if (equals == std::string::npos) {
      result.errors.push_back({name, flag + " needs its value in the same argument: " + flag + "=VALUE"});
    } else if (name == "config-file") {
      result.config_file = argument.substr(equals + 1);
      if (result.config_file.empty())
        result.errors.push_back({name, "--config-file= names no file"});
    } else {
      result.values.push_back({name, argument.substr(equals + 1), "the flag " + flag});
    }
  }
  return result;
}

std::vector<found_value> read_environment(const std::map<std::string, std::string>& environment,
                                          std::vector<setting_error>& errors) {
  std::vector<found_value> values;
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(prefix) || is_foreign_variable(name))
      continue;
    const auto keys = all_keys();
    const auto match =
        std::ranges::find_if(keys, [&](const key& k) { return environment_name(k.name) == name; });
    if (match != keys.end())
      values.push_back({match->name, text, "the environment's " + name});
    else
      errors.push_back({name, "unknown key in the environment: " + name + " matches no setting"});
  }
  return values;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> result;
  for (auto entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (const auto* equals = std::strchr(*entry, '='))
      result.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)), equals + 1);
  return result;
}

} // namespace carillon::config
