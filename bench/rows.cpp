#include "bench/rows.hpp"

#include <array>

namespace carillon::bench {

std::span<const row> all_rows() {
  static constexpr std::array<row, 8> rows{{
      {"accept-single",
       "events made durable, one a request, nothing sent; beside LMDB alone and wrk on /healthz",
       measure_accept_single},
      {"accept-batch", "events made durable, 100 a request, nothing sent; beside LMDB alone",
       measure_accept_batch},
      {"deliver", "notifications delivered, events posted 100 a request; beside wrk on the same sink",
       measure_deliver},
      {"deliver-single", "notifications delivered, events posted one a request", measure_deliver_single},
      {"deliver-many", "as deliver, with four times the accounts at one origin", measure_deliver_many},
      {"filters", "CPU per event as an account's filtered subscriptions go from 1 to 100", measure_filters},
      {"chunks", "items delivered in Pipeliner's form: records of 4 KiB, 100 a POST", measure_chunks},
      {"latency", "from 202 to arrival, at half of the load that single events reach", measure_latency},
  }};
  return rows;
}

} // namespace carillon::bench
