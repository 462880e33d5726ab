#pragma once

#include "bench/figures.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::bench {

/// What a report shows of one row.
struct reported_row {
  std::string_view name;
  const figures* measured = nullptr;
};

/// One line about the machine: processor, cores, memory, load, and what the processor's time went to
/// elsewhere.
std::string describe_machine();

/// The table for people: a line a figure with median, lowest, highest and goal.
std::string render_table(const std::vector<reported_row>& rows);

/// The same as JSON, for programs that compare runs.
std::string render_json(const std::vector<reported_row>& rows, std::string_view machine);

} // namespace carillon::bench
