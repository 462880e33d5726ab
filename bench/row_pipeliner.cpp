// What Pipeliner's dialect costs: filters that look into records, and POSTs that carry them.
#include "bench/rows.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16;
constexpr double most_per_candidate = 2; ///< microseconds

/// Webhooks whose filters are read to their last condition and then don't match: the whole cost of a
/// candidate, and nothing is sent. One condition leads into `included`.
std::vector<webhook_wish> filtered_webhooks(const std::string& url, std::size_t count) {
  std::vector<webhook_wish> wishes;
  for (std::size_t i = 0; i < count; ++i)
    wishes.push_back(
        {url, R"(["Account.Update"])",
         fmt::format(R"({{"entity":{{"Account":{{"filter":{{"owner.city":"London",)"
                     R"("cf_value3.base_value":1,"cf_text20":"typed into {}"}},)"
                     R"("filter-op":{{"cf_value3.base_value":"gte","cf_text20":"icontains"}}}}}}}})",
                     "nobody " + std::to_string(i))});
  return wishes;
}

/// Node CPU per event, in microseconds, when each account has so many filtered webhooks.
double cost_of(stage& on, std::size_t webhooks) {
  auto& n = on.fresh_node();
  constexpr std::uint64_t unbounded = 0; // nothing arrives
  auto load = in_batches(make_pipeliner_tenants(n, accounts, "choosy-",
                                                filtered_webhooks(on.receiver().url() + "/never", webhooks)),
                         unbounded);
  load.append = append_record_event;
  const auto m = on.play(load);
  if (m.accepted == 0)
    throw std::runtime_error("nothing was accepted");
  on.stop_nodes();
  if (on.book().post_count() > 0)
    throw std::runtime_error("a filter that does not match let an event through");
  return static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.accepted);
}

} // namespace

void measure_filters(stage& on, figures& into) {
  constexpr std::size_t few = 1, some = 10, many = 100;
  const auto one = cost_of(on, few), ten = cost_of(on, some), hundred = cost_of(on, many);
  into.add("node CPU per event, 1 filtered subscription", unit::microseconds, one);
  into.add("node CPU per event, 10 filtered subscriptions", unit::microseconds, ten);
  into.add("node CPU per event, 100 filtered subscriptions", unit::microseconds, hundred);
  into.add("node CPU per candidate", unit::microseconds, (hundred - one) / static_cast<double>(many - few),
           at_most(most_per_candidate));
}

void measure_chunks(stage& on, figures& into) {
  auto load = in_batches(make_pipeliner_tenants(on.fresh_node(), accounts, "bulk-",
                                                {{on.receiver().url() + "/bulk", R"(["Account.*"])", "{}"}}));
  load.append = append_record_event;
  const auto m = on.deliver(load);
  into.add("delivered items", unit::per_second, static_cast<double>(m.arrived) / m.seconds());
  into.add("items per POST", unit::times, static_cast<double>(m.arrived) / static_cast<double>(m.posts));
  into.add("node CPU per delivered item", unit::microseconds,
           static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.arrived));
  into.add("disk writes per delivered item", unit::kibibytes,
           static_cast<double>(m.written) / 1024 / static_cast<double>(m.arrived));
}

} // namespace carillon::bench
