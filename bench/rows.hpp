#pragma once

#include "bench/figures.hpp"
#include "bench/stage.hpp"

#include <span>
#include <string_view>

namespace carillon::bench {

/// One thing that is measured. To add one: write its function in a file `row_….cpp`, and name it in
/// `rows.cpp`.
struct row {
  std::string_view name;
  std::string_view about; ///< a line for --help
  /// Measures once; throws std::runtime_error when the promises were not kept meanwhile.
  void (*measure)(stage& on, figures& into);
};

/// All of them, in the order of the table.
std::span<const row> all_rows();

// row_accept.cpp
void measure_accept_single(stage& on, figures& into);
void measure_accept_batch(stage& on, figures& into);
// row_deliver.cpp
void measure_deliver(stage& on, figures& into);
void measure_deliver_single(stage& on, figures& into);
void measure_deliver_many(stage& on, figures& into);
// row_pipeliner.cpp
void measure_filters(stage& on, figures& into);
void measure_chunks(stage& on, figures& into);
// row_latency.cpp
void measure_latency(stage& on, figures& into);

} // namespace carillon::bench
