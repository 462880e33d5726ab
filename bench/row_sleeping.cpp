// A million accounts of which a thousand do something: the memory they take, the start, and what the first
// event of one that sleeps waits.
#include "bench/rows.hpp"
#include "bench/sleeping_store.hpp"

#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

constexpr std::uint64_t active = 1000;
constexpr std::size_t connections = 16;
constexpr double first_events_per_second = 100;
constexpr double wanted_memory = 400, wanted_ready = 2000, wanted_p99 = 20; ///< MB, ms, ms
constexpr double megabyte = 1e6;

} // namespace

void measure_sleeping(stage& on, figures& into) {
  const auto count = on.how_long().million;
  const auto target = on.receiver().url() + "/wake";
  auto& n = on.filled_node(
      [&](const std::filesystem::path& folder) { write_sleeping_accounts(folder, count, target); });
  const auto asleep = static_cast<double>(n.anonymous_bytes());
  load_settings load;
  // Spread over all of them: neighbours share pages.
  for (std::uint64_t i = 0; i < active; ++i)
    load.accounts.push_back(sleeping_name(i * (count / active)));
  load.connections = connections;
  load.events_per_second = first_events_per_second;
  load.most_events = active;
  on.post_all(load, on.book());
  on.settle();
  const auto& book = on.book();
  constexpr auto from = domain::boot_time::min(), to = domain::boot_time::max();
  auto in_all = book.spans(ledger::moment::posted, ledger::moment::arrived, from, to);
  // The same again: what an event of an account costs that is awake, and the memory of those that are.
  if (const auto found = book.judge(); !found.clean())
    throw std::runtime_error("first events were lost or doubled: " + found.to_string());
  on.post_all(load, on.book());
  on.settle();
  auto awake = book.spans(ledger::moment::posted, ledger::moment::arrived, from, to);
  const auto memory = static_cast<double>(n.anonymous_bytes());
  const auto start = n.start_time();
  on.judge();
  into.add("accounts stored", unit::count, static_cast<double>(count));
  into.add("ready after the start", unit::milliseconds,
           std::chrono::duration<double, std::milli>(start).count(), at_most(wanted_ready));
  into.add("anonymous memory, all asleep", unit::megabytes, asleep / megabyte);
  into.add("anonymous memory, 1,000 awake", unit::megabytes, memory / megabyte, at_most(wanted_memory));
  into.add("a sleeper's first event, POST to arrival, p50", unit::milliseconds, quantile(in_all, 0.50) / 1e6);
  into.add("a sleeper's first event, POST to arrival, p99", unit::milliseconds, quantile(in_all, 0.99) / 1e6,
           at_most(wanted_p99));
  into.add("its next event, p99", unit::milliseconds, quantile(awake, 0.99) / 1e6);
}

} // namespace carillon::bench
