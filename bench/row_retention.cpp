// Retention compressed: everything is kept for seconds only, so that as much is erased as comes in.
#include "bench/rows.hpp"

#include <chrono>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t accounts = 16, connections = 64;
constexpr std::uint64_t most_outstanding = 20'000;
const std::vector<std::string> short_memory{"--limits.backlog-age=10s", "--retention.bodies=10s",
                                            "--retention.log=10s", "--retention.missed=10s",
                                            "--retention.idempotency=10s"};
/// Everything is kept for 10 s: what is counted begins when as much goes as comes.
constexpr pace soak{20'000ms, 45'000ms, 2s};
constexpr double most_growth = 1.1, most_share = 0.05, longest = 50; ///< ms

/// What the node tells of itself at one moment.
struct told {
  double retention = 0; ///< CPU seconds of finding and erasing what is past
  double cpu = 0;       ///< of the whole node, seconds
  double slow_commits = 0; ///< over 25 ms
};

told ask(const node& n) {
  told t;
  const auto now = n.metrics({"carillon_retention_cpu_seconds_total", "carillon_commit_duration_seconds_count",
                              R"(carillon_commit_duration_seconds_bucket{le="0.025"})"});
  t.retention = now[0];
  t.cpu = std::chrono::duration<double>(n.cpu()).count();
  t.slow_commits = now[1] - now[2];
  return t;
}

struct soaked {
  double cpu = 0;              ///< per event, microseconds
  double growth = 0, used = 0; ///< of the store: its last third over its first; bytes at the end
  double p99 = 0, longest = 0; ///< ms, POST to arrival
  double per_second = 0;
  double share = 0;        ///< retention's, of the node's CPU
  double slow_commits = 0; ///< as `told`
};

double mean(const std::vector<double>& values, std::size_t from, std::size_t to) {
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(from),
                         values.begin() + static_cast<std::ptrdiff_t>(to), 0.0) /
         static_cast<double>(to - from);
}

soaked run(stage& on, const std::vector<std::string>& flags, double rate) {
  const auto& time = on.how_long();
  const bool quick = time.measured < 5s;
  auto& n = on.fresh_node(flags);
  load_settings load;
  load.accounts = make_tenants(n, accounts, "brief-", on.receiver().url() + "/soak", {});
  load.connections = connections;
  if (rate == 0) {
    load.most_outstanding = most_outstanding;
    const auto full = on.play(load);
    on.settle();
    rate = static_cast<double>(full.posts) / full.seconds() / 2;
  }
  load.most_outstanding = 0;
  load.events_per_second = rate;
  std::vector<double> used;
  std::optional<told> first;
  told last;
  const auto m = on.play(load, quick ? pace{1s, 6s, 1s} : soak, [&] {
    used.push_back(n.metric("carillon_store_used_bytes"));
    last = ask(n);
    if (!first)
      first = last;
  });
  on.judge();
  if (m.posts == 0 || used.size() < 3)
    throw std::runtime_error("nothing was delivered");
  auto spans = on.book().spans(ledger::moment::posted, ledger::moment::arrived, m.from, m.to);
  soaked s;
  s.cpu = static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts);
  const auto third = used.size() / 3;
  s.growth = mean(used, used.size() - third, used.size()) / mean(used, 0, third);
  s.used = used.back();
  s.p99 = quantile(spans, 0.99) / 1e6;
  s.longest = quantile(spans, 1) / 1e6;
  s.per_second = rate;
  s.share = (last.retention - first->retention) / (last.cpu - first->cpu);
  s.slow_commits = last.slow_commits - first->slow_commits;
  return s;
}

} // namespace

void measure_retention(stage& on, figures& into) {
  const auto sweeping = run(on, short_memory, 0);
  const auto keeping = run(on, {}, sweeping.per_second);
  into.add("events, half of full load", unit::per_second, sweeping.per_second);
  into.add("store in use at the end", unit::mebibytes, sweeping.used / (1 << 20));
  into.add("store's last 15 s over its first 15 s", unit::times, sweeping.growth, at_most(most_growth));
  into.add("store's growth, nothing erased", unit::times, keeping.growth);
  into.add("node CPU per event", unit::microseconds, sweeping.cpu);
  into.add("node CPU per event, nothing erased", unit::microseconds, keeping.cpu);
  into.add("retention's share of the node's CPU", unit::times, sweeping.share, at_most(most_share));
  into.add("event's POST to arrival, p99", unit::milliseconds, sweeping.p99);
  into.add("the same, longest", unit::milliseconds, sweeping.longest, at_most(longest));
  into.add("the same, longest, nothing erased", unit::milliseconds, keeping.longest);
  into.add("commits over 25 ms", unit::count, sweeping.slow_commits);
  into.add("commits over 25 ms, nothing erased", unit::count, keeping.slow_commits);
}

} // namespace carillon::bench
