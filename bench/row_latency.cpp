// How long a notification takes from its event's 202 until the receiver has it, at half of the load that
// single events reach on this machine, and at other parts of it.
#include "bench/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16, connections = 64;
constexpr std::uint64_t most_outstanding = 20'000;
constexpr double wanted_p50 = 2, wanted_p99 = 10; ///< ms

double milliseconds_of(std::vector<std::int64_t>& spans, double q) {
  return quantile(spans, q) / 1e6;
}

/// What single events reach, delivered a second; `load` is set up for the same accounts.
double full_load(stage& on, load_settings& load) {
  load.accounts = make_tenants(on.fresh_node(), accounts, "half-", on.receiver().url() + "/half", {});
  load.connections = connections;
  load.most_outstanding = most_outstanding;
  const auto full = on.play(load);
  on.settle();
  if (const auto found = on.book().judge(); !found.clean() || full.arrived == 0)
    throw std::runtime_error("events were lost or doubled under full load: " + found.to_string());
  load.most_outstanding = 0;
  return static_cast<double>(full.arrived) / full.seconds();
}

/// 202 and job leave the same commit, so that the POST often arrives before the generator has read the 202:
/// no time.
std::vector<std::int64_t> after_202(const ledger& book, const measurement& m) {
  auto spans = book.spans(ledger::moment::accepted, ledger::moment::arrived, m.from, m.to);
  for (auto& span : spans)
    span = std::max<std::int64_t>(span, 0);
  return spans;
}

} // namespace

void measure_latency(stage& on, figures& into) {
  load_settings load;
  load.events_per_second = full_load(on, load) / 2;
  const auto m = on.play(load);
  on.judge();
  const auto& book = on.book();
  auto warm = after_202(book, m);
  auto to_202 = book.spans(ledger::moment::posted, ledger::moment::accepted, m.from, m.to);
  auto in_all = book.spans(ledger::moment::posted, ledger::moment::arrived, m.from, m.to);
  into.add("events posted", unit::per_second, static_cast<double>(m.accepted) / m.seconds());
  into.add("202 to arrival, p50", unit::milliseconds, milliseconds_of(warm, 0.50), at_most(wanted_p50));
  into.add("202 to arrival, p99", unit::milliseconds, milliseconds_of(warm, 0.99), at_most(wanted_p99));
  into.add("202 to arrival, longest", unit::milliseconds, milliseconds_of(warm, 1));
  into.add("event's POST to arrival, p50", unit::milliseconds, milliseconds_of(in_all, 0.50));
  into.add("event's POST to arrival, p99", unit::milliseconds, milliseconds_of(in_all, 0.99));
  into.add("event's POST to 202, p50", unit::milliseconds, milliseconds_of(to_202, 0.50));
  into.add("event's POST to 202, p99", unit::milliseconds, milliseconds_of(to_202, 0.99));
}

void measure_latency_curve(stage& on, figures& into) {
  load_settings load;
  const auto full = full_load(on, load);
  into.add("events delivered at full load", unit::per_second, full);
  for (const int percent : {10, 25, 50, 75, 90}) {
    load.events_per_second = full * percent / 100;
    const auto m = on.play(load);
    on.settle();
    if (const auto found = on.book().judge(); !found.clean())
      throw std::runtime_error("events were lost or doubled: " + found.to_string());
    auto in_all = on.book().spans(ledger::moment::posted, ledger::moment::arrived, m.from, m.to);
    for (const auto& [line, q] : {std::pair{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}}) {
      const auto ms = milliseconds_of(in_all, q);
      into.add(fmt::format("event's POST to arrival at {} % load, {}", percent, line), unit::milliseconds,
               ms);
      into.draw(plot::latency, line, percent, ms);
    }
  }
  on.judge();
}

} // namespace carillon::bench
