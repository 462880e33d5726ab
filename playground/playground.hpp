#pragma once

#include <string>
#include <vector>

namespace carillon::playground {

/// The command `playground`: a node on a store of its own with a demo account, an inbox, subscriptions and a
/// stream of sample changes, until SIGINT or SIGTERM. Takes what stands behind its name on the command line
/// and returns the exit code: 0 done, 1 failed, 2 not understood.
int run(const std::vector<std::string>& arguments);

} // namespace carillon::playground
