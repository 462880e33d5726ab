#include "bench/rows.hpp"

#include <array>

namespace carillon::bench {

std::span<const row> all_rows() {
  static constexpr std::array<row, 19> rows{{
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
      {"syncs", "commits that a single event costs on an idle node", measure_syncs},
      {"subscriptions",
       "CPU per notification as an account's subscriptions go from 1 to 100, of which 1 matches",
       measure_subscriptions},
      {"dead-name", "POSTs beside a DNS name that never answers; the delivery engine alone",
       measure_dead_name, true},
      {"handshakes", "a new TLS connection for each POST, whole and resumed; beside openssl s_time",
       measure_handshakes, true},
      {"queue", "CPU per notification beside a BullMQ worker and its Redis", measure_queue, true,
       queue_is_possible},
      {"latency-curve", "latency at 10 to 90 % of the load that single events reach", measure_latency_curve,
       true},
      {"stalled", "500 accounts beside 50 whose endpoints never answer, at one origin", measure_stalled,
       true},
      {"backlog", "a million pending notifications: memory, and the first POST after a kill", measure_backlog,
       true},
      {"sleeping", "a million accounts stored: memory, start, the first event of one that sleeps",
       measure_sleeping, true},
      {"cluster", "three nodes: CPU beside one, a shard that moves, a primary that is killed", measure_cluster, true,
       etcd_is_there},
      {"retention", "a soak in which as much is erased as comes in", measure_retention, true},
  }};
  return rows;
}

} // namespace carillon::bench
