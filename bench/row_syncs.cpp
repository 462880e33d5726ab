// How many synced commits a single event costs on a node that has nothing else to do.
#include "bench/rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr int single_events = 8;
/// Outcomes are due within 200 ms; as long again without a commit, and the node is idle.
constexpr auto outcome_time = 200ms;
constexpr auto quiet_time = 400ms;
constexpr auto longest_wait = 10s;
constexpr double wanted_before_post = 1, wanted_in_all = 2;

double commits(const node& n) {
  return n.metric("carillon_commit_duration_seconds_count");
}

/// The commits so far, once there were no more for a while.
double commits_when_idle(const node& n) {
  const auto deadline = domain::boot_clock::now() + longest_wait;
  for (auto last = commits(n); domain::boot_clock::now() < deadline;) {
    std::this_thread::sleep_for(quiet_time);
    if (const auto now = commits(n); now == last)
      return now;
    else
      last = now;
  }
  throw std::runtime_error("a node without work goes on committing");
}

} // namespace

void measure_syncs(stage& on, figures& into) {
  auto& n = on.fresh_node();
  const auto account = make_tenants(n, 1, "quiet-", on.receiver().url() + "/quiet", sending::active).front();
  const auto token = n.ingest_token();
  auto& book = on.book();
  book.start(1);
  double before_post = 0, in_all = 0, most_before = 0, most_in_all = 0;
  // The first warms up: the account wakes, the connection is made.
  for (std::uint64_t number = 1; number <= single_events + 1; ++number) {
    const auto start = commits_when_idle(n);
    std::string event;
    append_event(event, number);
    book.posted(number, 1, domain::boot_clock::now());
    const auto reply = http_call(n.port(), "POST", "/v1/accounts/" + account + "/events",
                                 {{"Authorization", "Bearer " + token}}, event);
    if (reply.status != 202)
      throw std::runtime_error("an event was answered " + std::to_string(reply.status) + ": " + reply.body);
    book.accepted(number, 1, domain::boot_clock::now());
    const auto deadline = domain::boot_clock::now() + longest_wait;
    while (book.arrived_count() < number && domain::boot_clock::now() < deadline)
      std::this_thread::sleep_for(100us);
    const auto at_post = commits(n) - start;
    std::this_thread::sleep_for(outcome_time);
    const auto later = commits(n) - start;
    if (number == 1)
      continue;
    before_post += at_post;
    in_all += later;
    most_before = std::max(most_before, at_post);
    most_in_all = std::max(most_in_all, later);
  }
  on.judge();
  into.add("commits until an event's POST arrives", unit::times, before_post / single_events,
           at_most(wanted_before_post));
  into.add("the same, most", unit::times, most_before);
  into.add("commits until 200 ms later", unit::times, in_all / single_events, at_most(wanted_in_all));
  into.add("the same until 200 ms later, most", unit::times, most_in_all);
}

} // namespace carillon::bench
