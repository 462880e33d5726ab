#pragma once

#include <string>
#include <vector>

/// The commands of the program `carillon`. Each takes what stands behind its name on the command line and
/// returns the exit code: 0 done, 1 failed, 2 not understood.
namespace carillon::api {

/// Runs a node until SIGTERM or SIGINT.
int serve(const std::vector<std::string>& arguments);

/// Judges configuration, certificates and store; with --print shows the effective configuration.
int check(const std::vector<std::string>& arguments);

/// Copies the store: through the running node, or directly when none runs.
int backup(const std::vector<std::string>& arguments);

/// Makes a store from a copy; a node on it starts held.
int restore(const std::vector<std::string>& arguments);

} // namespace carillon::api
