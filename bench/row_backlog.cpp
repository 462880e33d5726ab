// A million notifications that wait: the memory they take, and how soon they go out after a kill.
#include "bench/rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t accounts = 1000, batch = 100, connections = 16;
/// One a window: everything after the first waits.
const std::vector<std::string> full_windows{"--limits.windows=[\"1/3600s\"]",
                                            "--limits.backlog-records=10000000"};
const std::vector<std::string> open_windows{"--limits.windows=[\"1000000/60s\", \"1000000/600s\"]",
                                            "--limits.backlog-records=10000000"};
constexpr auto memory_time = 5s;
constexpr double wanted_memory = 600, wanted_first = 3000; ///< MB, ms
constexpr double megabyte = 1e6;

/// The most anonymous memory that a node had since this was made, looked at now and then.
class most_memory {
public:
  explicit most_memory(const node& of)
      : watching_([this, &of](const std::stop_token& stop) {
          try {
            for (; !stop.stop_requested(); std::this_thread::sleep_for(200ms))
              most_ = std::max(most_, of.anonymous_bytes());
          } catch (const std::runtime_error&) {
            // The node died, which whoever posts to it says.
          }
        }) {}

  /// Ends the watching.
  double bytes() {
    watching_ = {};
    return static_cast<double>(most_);
  }

private:
  std::uint64_t most_ = 0;
  std::jthread watching_;
};

void wait_for_outcomes(const node& n, double count) {
  const auto deadline = domain::boot_clock::now() + 30s;
  while (n.metric("carillon_notifications_total") < count) {
    if (domain::boot_clock::now() > deadline)
      throw std::runtime_error("the first notification of each account did not get its outcome");
    std::this_thread::sleep_for(50ms);
  }
}

} // namespace

void measure_backlog(stage& on, figures& into) {
  const auto million = on.how_long().million;
  auto& before = on.fresh_node(full_windows);
  tenant_wish wish;
  wish.own_limits = false;
  load_settings load;
  load.accounts = make_tenants(before, accounts, "full-", on.receiver().url() + "/full", wish);
  load.events_per_request = batch;
  load.connections = connections;
  load.most_events = million;
  const auto empty = static_cast<double>(before.anonymous_bytes());
  most_memory accepting{before};
  on.post_all(load, on.book());
  const auto most = accepting.bytes();
  // A request has one account's events, so that a short run doesn't reach all of them.
  wait_for_outcomes(before, static_cast<double>(std::min<std::uint64_t>(accounts, million / batch)));
  const auto accepted =
      static_cast<double>(million) / std::chrono::duration<double>(on.latest_load().elapsed).count();
  const auto pending = before.metric("carillon_pending_notifications");
  const auto waiting = static_cast<double>(before.anonymous_bytes());

  const auto handshakes_before = on.receiver().stats().handshakes;
  const auto killed = domain::boot_clock::now();
  auto& after = on.killed_and_started_node(open_windows);
  const auto deadline = killed + 60s;
  auto first = on.book().first_arrival(killed);
  for (; !first && domain::boot_clock::now() < deadline; first = on.book().first_arrival(killed))
    std::this_thread::sleep_for(20ms);
  if (!first)
    throw std::runtime_error("nothing was sent for a minute after the kill");
  auto restarted = static_cast<double>(after.anonymous_bytes());
  while (domain::boot_clock::now() < *first + memory_time) {
    std::this_thread::sleep_for(100ms);
    restarted = std::max(restarted, static_cast<double>(after.anonymous_bytes()));
  }
  const auto start = after.start_time();
  most_memory sending{after};
  on.settle();
  const auto most_sending = sending.bytes();
  const auto drained = static_cast<double>(million) /
                       std::chrono::duration<double>(domain::boot_clock::now() - *first).count();
  const auto handshakes = on.receiver().stats().handshakes - handshakes_before;
  on.judge();
  into.add("events accepted", unit::per_second, accepted);
  into.add("pending notifications", unit::count, pending);
  into.add("anonymous memory while they are accepted, most", unit::megabytes, most / megabyte,
           at_most(wanted_memory));
  into.add("anonymous memory with them", unit::megabytes, waiting / megabyte, at_most(wanted_memory));
  into.add("anonymous memory per pending notification", unit::kibibytes, (waiting - empty) / 1024 / pending);
  into.add("kill -9 to first POST", unit::milliseconds,
           std::chrono::duration<double, std::milli>(*first - killed).count(), at_most(wanted_first));
  into.add("ready after the kill", unit::milliseconds,
           std::chrono::duration<double, std::milli>(start).count());
  into.add("delivered after the kill", unit::per_second, drained);
  into.add("TLS handshakes per notification after the kill", unit::times,
           static_cast<double>(handshakes) / pending);
  into.add("anonymous memory in the 5 s after, most", unit::megabytes, restarted / megabyte,
           at_most(wanted_memory));
  into.add("anonymous memory while they go out, most", unit::megabytes, most_sending / megabyte);
}

} // namespace carillon::bench
