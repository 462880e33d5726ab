// How fast notifications are delivered, and what CPU each one costs the node in all: taking the event in,
// making it durable, claiming, sending, keeping the outcome.
#include "bench/event_text.hpp"
#include "bench/rows.hpp"
#include "bench/wrk.hpp"

#include <stdexcept>

namespace carillon::bench {

namespace {

constexpr std::size_t few_accounts = 16;
/// Each may have 8 POSTs under way, all to one origin: as when many tenants use the same automation service.
constexpr std::size_t many_accounts = 64;
/// Enough that the node never waits for events, and few enough that their bodies stay small beside its
/// memory.
constexpr std::uint64_t most_outstanding = 20'000;
constexpr double wanted_per_second = 5'000;

measurement deliver(stage& on, std::size_t accounts, std::size_t events_per_request, std::size_t connections,
                    figures& into) {
  auto& n = on.fresh_node();
  load_settings load;
  load.accounts = make_tenants(n, accounts, "fast-", on.receiver().url() + "/fast", sending::active);
  load.events_per_request = events_per_request;
  load.connections = connections;
  load.most_outstanding = most_outstanding;
  const auto m = on.play(load);
  if (m.arrived == 0)
    throw std::runtime_error("nothing was delivered");
  const auto resident = static_cast<double>(n.resident_bytes());
  on.judge();
  into.add("delivered notifications", unit::per_second, static_cast<double>(m.posts) / m.seconds(),
           at_least(wanted_per_second));
  into.add("node CPU per delivered notification", unit::microseconds,
           static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts));
  into.add("TLS handshakes per delivered notification", unit::times,
           static_cast<double>(m.handshakes) / static_cast<double>(m.posts));
  into.add("disk writes per delivered notification", unit::kibibytes,
           static_cast<double>(m.written) / 1024 / static_cast<double>(m.posts));
  into.add("node memory", unit::mebibytes, resident / (1 << 20));
  return m;
}

} // namespace

void measure_deliver(stage& on, figures& into) {
  constexpr std::size_t batch = 100, connections = 4;
  wrk_settings posts;
  posts.url = on.receiver().url() + "/wrk";
  posts.body = sample_notification();
  posts.duration = on.how_long().yardstick;
  posts.folder = on.folder();
  const auto yardstick = run_wrk(posts);
  const auto m = deliver(on, few_accounts, batch, connections, into);
  const auto wrk_cpu = static_cast<double>(yardstick.cpu_per_request.count()) / 1e3;
  const auto node_cpu = static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts);
  into.add("wrk: POSTs to the same sink", unit::per_second, yardstick.per_second);
  into.add("wrk: CPU per POST", unit::microseconds, wrk_cpu);
  into.add("ratio: node CPU over wrk CPU", unit::times, node_cpu / wrk_cpu, at_most(4));
  into.add("sink CPU per POST", unit::microseconds,
           static_cast<double>(m.sink_cpu.count()) / 1e3 / static_cast<double>(m.sink_requests));
}

void measure_deliver_single(stage& on, figures& into) {
  constexpr std::size_t connections = 256;
  deliver(on, few_accounts, 1, connections, into);
}

void measure_deliver_many(stage& on, figures& into) {
  constexpr std::size_t batch = 100, connections = 4;
  deliver(on, many_accounts, batch, connections, into);
}

} // namespace carillon::bench
