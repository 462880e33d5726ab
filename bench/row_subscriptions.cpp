// What an account's other subscriptions cost a notification: one matches, the others are of other types and
// events.
#include "bench/rows.hpp"

#include <array>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16;
constexpr double wanted_ratio = 1.3;

/// Node CPU per delivered notification, microseconds.
double cost_with(stage& on, std::size_t subscriptions) {
  auto& n = on.fresh_node();
  tenant_wish wish;
  wish.others = subscriptions - 1;
  const auto m =
      on.deliver(in_batches(make_tenants(n, accounts, "choice-", on.receiver().url() + "/choice", wish)));
  return static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts);
}

} // namespace

void measure_subscriptions(stage& on, figures& into) {
  std::array<double, 3> cost{};
  std::size_t i = 0;
  for (const std::size_t subscriptions : {1, 10, 100}) {
    cost[i] = cost_with(on, subscriptions);
    into.add("node CPU per notification, 1 of " + std::to_string(subscriptions) + " subscriptions matches",
             unit::microseconds, cost[i]);
    into.draw(plot::subscriptions, "node", static_cast<double>(subscriptions), cost[i]);
    ++i;
  }
  into.add("ratio: 100 subscriptions over 1", unit::times, cost[2] / cost[0], at_most(wanted_ratio));
}

} // namespace carillon::bench
