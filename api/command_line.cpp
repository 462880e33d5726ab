#include "api/command_line.hpp"

#include "config/print.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace carillon::api {

namespace {
constexpr int failed = 1;
constexpr int not_understood = 2;
} // namespace

parsed_command parse_command(const command_line& expected, const std::vector<std::string>& arguments) {
  const auto asks_help = [](const auto& a) { return a == "--help" || a == "-h"; };
  if (std::any_of(arguments.begin(), arguments.end(), asks_help)) {
    std::cout << "usage: " << expected.usage << "\n\n"
              << expected.summary << '\n'
              << config::describe_keys(config::settings{});
    return {};
  }
  config::load_request request;
  request.arguments = arguments;
  request.environment = config::process_environment();
  request.own_options = expected.options;
  auto loaded = config::load(request);
  if (!loaded.ok()) {
    std::cerr << loaded.report();
    return {std::nullopt, failed};
  }
  const auto given = loaded.positional.size();
  if (given < expected.positional || (given > expected.positional && !expected.more_positional)) {
    std::cerr << "carillon: "
              << (given > expected.positional
                      ? "\"" + loaded.positional[expected.positional] + "\" is not expected here"
                      : "something is missing")
              << "; usage: " << expected.usage << '\n';
    return {std::nullopt, not_understood};
  }
  return {std::move(loaded), 0};
}

} // namespace carillon::api
