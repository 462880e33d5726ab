// How long a notification takes from its event's 202 until the receiver has it, at half of the load that
// single events reach on this machine.
#include "bench/rows.hpp"

#include <algorithm>
#include <stdexcept>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16, connections = 64;
constexpr std::uint64_t most_outstanding = 20'000;
constexpr double wanted_p99 = 25; ///< ms

double milliseconds_of(std::vector<std::int64_t>& spans, double q) {
  return quantile(spans, q) / 1e6;
}

} // namespace

void measure_latency(stage& on, figures& into) {
  auto& n = on.fresh_node();
  load_settings load;
  load.accounts = make_tenants(n, accounts, "half-", on.receiver().url() + "/half", sending::active);
  load.connections = connections;
  load.most_outstanding = most_outstanding;
  const auto full = on.play(load);
  on.settle();
  if (const auto found = on.book().judge(); !found.clean() || full.arrived == 0)
    throw std::runtime_error("events were lost or doubled under full load: " + found.to_string());

  load.most_outstanding = 0;
  load.events_per_second = static_cast<double>(full.arrived) / full.seconds() / 2;
  const auto m = on.play(load);
  on.judge();
  auto& book = on.book();
  // 202 and job leave the same commit, so that the POST often arrives before the generator has read the 202:
  // no time.
  auto after_202 = book.spans(ledger::moment::accepted, ledger::moment::arrived, m.from, m.to);
  for (auto& span : after_202)
    span = std::max<std::int64_t>(span, 0);
  auto to_202 = book.spans(ledger::moment::posted, ledger::moment::accepted, m.from, m.to);
  auto in_all = book.spans(ledger::moment::posted, ledger::moment::arrived, m.from, m.to);
  into.add("events posted", unit::per_second, static_cast<double>(m.accepted) / m.seconds());
  into.add("202 to arrival, p50", unit::milliseconds, milliseconds_of(after_202, 0.50));
  into.add("202 to arrival, p99", unit::milliseconds, milliseconds_of(after_202, 0.99), at_most(wanted_p99));
  into.add("202 to arrival, longest", unit::milliseconds, milliseconds_of(after_202, 1));
  into.add("event's POST to arrival, p50", unit::milliseconds, milliseconds_of(in_all, 0.50));
  into.add("event's POST to arrival, p99", unit::milliseconds, milliseconds_of(in_all, 0.99));
  into.add("event's POST to 202, p50", unit::milliseconds, milliseconds_of(to_202, 0.50));
  into.add("event's POST to 202, p99", unit::milliseconds, milliseconds_of(to_202, 0.99));
}

} // namespace carillon::bench
