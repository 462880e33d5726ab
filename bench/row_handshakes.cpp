// What a receiver costs that ends each connection after its answer: a TLS handshake for each POST, whole or
// taken up from an earlier session.
#include "bench/openssl_tool.hpp"
#include "bench/rows.hpp"

#include <string>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16;
constexpr std::uint64_t most_outstanding = 5'000;
constexpr double wanted_ratio = 0.6;

void measure(stage& on, bool resumes, figures& into) {
  sink_settings wanted;
  wanted.closes = true;
  wanted.resumes = resumes;
  const auto receiver = on.another_sink(wanted);
  const auto yardstick = run_s_time({receiver->port(), on.authority(), resumes, on.how_long().yardstick});
  const auto yardstick_stats = receiver->stats();

  auto& n = on.fresh_node();
  const auto m = on.deliver(
      in_batches(make_tenants(n, accounts, "brief-", receiver->url() + "/brief", {}), most_outstanding));
  const auto stats = receiver->stats();
  const auto handshakes = static_cast<double>(stats.handshakes - yardstick_stats.handshakes);
  const auto resumed = static_cast<double>(stats.resumed - yardstick_stats.resumed);
  const auto posts = static_cast<double>(on.book().post_count());
  const auto per_second = static_cast<double>(m.posts) / m.seconds();
  const std::string how = resumes ? "resumed" : "new";
  into.add("POSTs over " + how + " connections", unit::per_second, per_second);
  into.add(how + ": handshakes per POST", unit::times, handshakes / posts);
  into.add(how + ": resumed of them", unit::times, resumed / handshakes);
  into.add(how + ": node CPU per POST", unit::microseconds,
           static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts));
  into.add("openssl s_time, " + how, unit::per_second, yardstick.per_second);
  into.add("openssl s_time, " + how + ": resumed of its handshakes", unit::times,
           static_cast<double>(yardstick_stats.resumed) / static_cast<double>(yardstick_stats.handshakes));
  into.add("openssl s_time, " + how + ": CPU per connection", unit::microseconds,
           static_cast<double>(yardstick.cpu_per_connection.count()) / 1e3);
  into.add("ratio: " + how + " connections over s_time", unit::times, per_second / yardstick.per_second,
           at_least(wanted_ratio));
}

} // namespace

void measure_handshakes(stage& on, figures& into) {
  measure(on, false, into);
  measure(on, true, into);
}

} // namespace carillon::bench
