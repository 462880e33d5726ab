// What a cluster of three nodes costs beside one node under the same load, and what its users notice when a
// shard moves and when a node dies.
#include "bench/cluster_failover.hpp"
#include "bench/cluster_move.hpp"
#include "bench/rows.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t size = 3, accounts = 16;
constexpr double wanted_ratio = 2.2;
constexpr auto rest_time = 2s;

/// What one node and the cluster are given. The rate is one that both keep up with, else they would not do the
/// same work a second.
struct same_load {
  const char* label;
  std::size_t events_per_request, connections;
  double events_per_second;
};
constexpr same_load in_hundreds{"100 a request, 5,000/s", 100, 12, 5'000};
constexpr same_load singly{"one a request, 1,000/s", 1, 48, 1'000};

double cpu_per_notification(stage& on, const std::vector<std::string>& names, const same_load& what) {
  load_settings load;
  load.accounts = names;
  load.events_per_request = what.events_per_request;
  load.connections = what.connections;
  load.events_per_second = what.events_per_second;
  load.repeats = true; // a machine that others use, too, lets a peer seem dead
  const auto m = on.play(load);
  on.settle();
  const auto found = on.book().judge();
  if (!found.clean() || m.posts == 0)
    throw std::runtime_error("events were lost or doubled: " + found.to_string());
  return static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts);
}

/// Milliseconds of CPU that nodes take a second while nothing is asked of them.
double cpu_at_rest(const std::vector<node*>& nodes) {
  const auto total = [&] {
    std::chrono::nanoseconds sum{};
    for (const auto* n : nodes)
      sum += n->cpu();
    return sum;
  };
  const auto before = total();
  std::this_thread::sleep_for(rest_time);
  return std::chrono::duration<double, std::milli>(total() - before).count() /
         std::chrono::duration<double>(rest_time).count();
}

} // namespace

void measure_cluster(stage& on, figures& into) {
  const auto url = on.receiver().url() + "/fast";
  const auto& alone = on.fresh_node();
  const auto names = make_tenants(alone, accounts, "fast-", url, sending::active);
  const auto one_in_hundreds = cpu_per_notification(on, names, in_hundreds);
  const auto one_singly = cpu_per_notification(on, names, singly);
  on.judge();

  auto& three = on.fresh_cluster(size);
  const auto rest = cpu_at_rest(three.running());
  make_tenants(three.at(0), accounts, "fast-", url, sending::active);
  const auto three_in_hundreds = cpu_per_notification(on, names, in_hundreds);
  const auto three_singly = cpu_per_notification(on, names, singly);
  const auto add = [&](const same_load& what, double one, double all) {
    into.add(fmt::format("node CPU per delivered notification, one node, {}", what.label), unit::microseconds, one);
    into.add(fmt::format("the same, three nodes together, {}", what.label), unit::microseconds, all);
    into.add(fmt::format("ratio: three nodes over one, {}", what.label), unit::times, all / one,
             at_most(wanted_ratio));
  };
  add(in_hundreds, one_in_hundreds, three_in_hundreds);
  add(singly, one_singly, three_singly);
  into.add("CPU a second of three nodes at rest", unit::milliseconds, rest);

  measure_move(on, three, into);
  measure_failover(on, three, into);
  on.stop_nodes();
}

} // namespace carillon::bench
