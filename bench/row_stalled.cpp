// What endpoints that take requests and never answer do to others at the same origin.
#include "bench/rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace carillon::bench {

namespace {

constexpr std::size_t healthy_accounts = 500, stalled_accounts = 50;
/// Records; what the stalled ones may have waiting, and have.
constexpr std::uint32_t backlog = 500;
constexpr std::size_t batch = 100, connections = 16, single_connections = 64;
/// About what the engine keeps open to one origin: with more, both runs would measure handshakes.
constexpr std::uint64_t most_outstanding = 1'000;
constexpr double wanted_latency = 1.5, wanted_throughput = 0.9;
/// Short, so that each stalled slot fails several times meanwhile.
const std::vector<std::string> node_flags{"--delivery.timeout=5s"};

struct healthy_run {
  double per_second = 0, cpu = 0; ///< of the node, µs a notification
  double p50 = 0, p99 = 0;        ///< ms from the event's POST to the arrival
};

/// What the healthy reach flat out, and how long theirs take at `rate` (0: half of that) a second.
healthy_run run_healthy(stage& on, const std::vector<std::string>& accounts, double rate) {
  load_settings load;
  load.accounts = accounts;
  load.events_per_request = batch;
  load.connections = connections;
  load.most_outstanding = most_outstanding;
  const auto full = on.play(load);
  on.settle();
  if (const auto found = on.book().judge(); !found.clean() || full.posts == 0)
    throw std::runtime_error("events were lost or doubled under full load: " + found.to_string());
  healthy_run run;
  run.per_second = static_cast<double>(full.posts) / full.seconds();
  run.cpu = static_cast<double>(full.node_cpu.count()) / 1e3 / static_cast<double>(full.posts);
  load.events_per_request = 1;
  load.connections = single_connections;
  load.most_outstanding = 0;
  load.events_per_second = rate > 0 ? rate : run.per_second / 4;
  const auto m = on.play(load);
  auto spans = on.book().spans(ledger::moment::posted, ledger::moment::arrived, m.from, m.to);
  run.p50 = quantile(spans, 0.50) / 1e6;
  run.p99 = quantile(spans, 0.99) / 1e6;
  return run;
}

void fill_backlogs(stage& on, const node& n) {
  tenant_wish wish;
  wish.backlog = backlog;
  load_settings load;
  load.accounts = make_tenants(n, stalled_accounts, "stalled-", on.receiver().url() + "/silent", wish);
  load.events_per_request = batch;
  load.most_events = std::uint64_t{backlog} * stalled_accounts;
  on.post_all(load, on.silent_book());
}

} // namespace

void measure_stalled(stage& on, figures& into) {
  const auto url = on.receiver().url() + "/fast";
  const auto alone =
      run_healthy(on, make_tenants(on.fresh_node(node_flags), healthy_accounts, "well-", url, {}), 0);
  on.judge();

  auto& n = on.fresh_node(node_flags);
  const auto accounts = make_tenants(n, healthy_accounts, "well-", url, {});
  fill_backlogs(on, n);
  const auto waited_from = pending_in(n, {"stalled-0"});
  const auto beside = run_healthy(on, accounts, alone.per_second / 4);
  const auto waited_to = pending_in(n, {"stalled-0"});
  on.judge();
  if (on.silent_book().judge().doubled_events > 0)
    throw std::runtime_error("a stalled endpoint was sent something twice");
  if (waited_to == 0 || on.silent_book().arrived_count() == 0)
    throw std::runtime_error("the stalled accounts did not stall: " + std::to_string(waited_from) + " and " +
                             std::to_string(waited_to) + " notifications waited in the first");
  into.add("delivered for 500 accounts", unit::per_second, alone.per_second);
  into.add("the same beside 50 stalled", unit::per_second, beside.per_second);
  into.add("ratio: throughput beside stalled over alone", unit::times, beside.per_second / alone.per_second,
           at_least(wanted_throughput));
  into.add("node CPU per delivered notification", unit::microseconds, alone.cpu);
  into.add("the same beside 50 stalled, their timeouts included", unit::microseconds, beside.cpu);
  into.add("event's POST to arrival, p50", unit::milliseconds, alone.p50);
  into.add("the same beside 50 stalled, p50", unit::milliseconds, beside.p50);
  into.add("event's POST to arrival, p99", unit::milliseconds, alone.p99);
  into.add("the same beside 50 stalled, p99", unit::milliseconds, beside.p99);
  into.add("ratio: p99 beside stalled over alone", unit::times, beside.p99 / alone.p99,
           at_most(wanted_latency));
}

} // namespace carillon::bench
