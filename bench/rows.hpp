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
  /// Takes long or much disk: measured only when it is named, or with --all.
  bool large = false;
  /// Whether this machine has what it compares with; without it, --all leaves it out. None: it has.
  bool (*possible)() = nullptr;
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
void measure_latency_curve(stage& on, figures& into);
// row_syncs.cpp
void measure_syncs(stage& on, figures& into);
// row_subscriptions.cpp
void measure_subscriptions(stage& on, figures& into);
// row_stalled.cpp
void measure_stalled(stage& on, figures& into);
// row_backlog.cpp
void measure_backlog(stage& on, figures& into);
// row_sleeping.cpp
void measure_sleeping(stage& on, figures& into);
// row_handshakes.cpp
void measure_handshakes(stage& on, figures& into);
// row_retention.cpp
void measure_retention(stage& on, figures& into);
// row_queue.cpp
void measure_queue(stage& on, figures& into);
bool queue_is_possible();
// row_cluster.cpp
void measure_cluster(stage& on, figures& into);
// row_dead_name.cpp
void measure_dead_name(stage& on, figures& into);

} // namespace carillon::bench
