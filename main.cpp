// The program `carillon`: finds the command and hands the rest of the line over.
#include "api/commands.hpp"
#include "playground/playground.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view usage = R"(usage: carillon COMMAND [--key=value...]

commands:
  serve           run a node
  playground      run a node with a demo account, an inbox and sample changes
  check           validate configuration, certificates and store
  backup DIR      copy the store, also while a node runs
  restore DIR     make a store from a copy
  --version       print the version
  --help          print this; "carillon COMMAND --help" says more
)";

int run(const std::vector<std::string>& arguments) {
  using namespace carillon;
  constexpr int not_understood = 2;
  if (arguments.empty()) {
    std::cerr << usage;
    return not_understood;
  }
  const std::string command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "serve")
    return api::serve(rest);
  if (command == "playground")
    return playground::run(rest);
  if (command == "check")
    return api::check(rest);
  if (command == "backup")
    return api::backup(rest);
  if (command == "restore")
    return api::restore(rest);
  if (command == "--help" || command == "-h" || command == "help") {
    std::cout << usage;
    return 0;
  }
  if (command == "--version") {
    std::cout << "carillon " CARILLON_VERSION "\n";
    return 0;
  }
  std::cerr << "carillon: there is no command \"" << command << "\"; \"carillon --help\" lists them\n";
  return not_understood;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << "carillon: " << e.what() << '\n';
    return 1;
  }
}
