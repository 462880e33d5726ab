#pragma once

#include "bench/arguments.hpp"

namespace carillon::bench {

/// Each runs one command of `carillon-bench` and gives its exit code. std::invalid_argument: the arguments;
/// std::runtime_error: what went wrong.

/// Serves as a receiver until "quit" or the end of stdin.
int run_sink_command(arguments& given);
/// Posts events to a node that runs already.
int run_load_command(arguments& given);
/// Measures rows and prints the table; 1 when a promise was broken.
int run_table_command(arguments& given);

} // namespace carillon::bench
