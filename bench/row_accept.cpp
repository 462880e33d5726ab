// How fast events are made durable when nothing is sent: each matches a subscription that its owner paused,
// so it is stored with its body, and stays.
#include "bench/raw_commit.hpp"
#include "bench/rows.hpp"
#include "bench/wrk.hpp"

#include <stdexcept>

namespace carillon::bench {

namespace {

constexpr std::size_t accounts = 16;

measurement accept(stage& on, node& n, std::size_t events_per_request, std::size_t connections) {
  load_settings load;
  load.accounts = make_tenants(n, accounts, "held-", on.receiver().url() + "/held", sending::paused);
  load.events_per_request = events_per_request;
  load.connections = connections;
  const auto counted = on.play(load);
  const auto accepted = on.book().judge().accepted;
  const auto pending = pending_in(n, load.accounts);
  if (pending != accepted)
    throw std::runtime_error(std::to_string(accepted) + " events were accepted, but " +
                             std::to_string(pending) + " notifications wait");
  if (on.book().post_count() > 0)
    throw std::runtime_error("a paused subscription was sent something");
  on.stop_nodes();
  return counted;
}

constexpr double wanted_batch_ratio = 0.8, wanted_single_ratio = 0.4;

/// The row's figures beside LMDB alone with as many events a commit as the generator has under way.
void add_common(stage& on, std::size_t events_under_way, const measurement& m, std::optional<goal> wanted,
                figures& into) {
  const auto yardstick = run_raw_commit(on.folder() / "raw", events_under_way, on.how_long().yardstick);
  const auto per_second = static_cast<double>(m.accepted) / m.seconds();
  into.add("accepted events", unit::per_second, per_second);
  into.add("node CPU per accepted event", unit::microseconds,
           static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.accepted));
  into.add("disk writes per accepted event", unit::kibibytes,
           static_cast<double>(m.written) / 1024 / static_cast<double>(m.accepted));
  into.add("LMDB alone: events in synced commits", unit::per_second, yardstick.per_second);
  into.add("LMDB alone: CPU per event", unit::microseconds,
           static_cast<double>(yardstick.cpu_per_event.count()) / 1e3);
  into.add("ratio: accepted over LMDB alone", unit::times, per_second / yardstick.per_second, wanted);
}

} // namespace

void measure_accept_single(stage& on, figures& into) {
  constexpr std::size_t connections = 64;
  auto& n = on.fresh_node();
  wrk_settings healthz;
  healthz.url = "http://127.0.0.1:" + std::to_string(n.port()) + "/healthz";
  healthz.connections = connections;
  healthz.duration = on.how_long().yardstick;
  const auto yardstick = run_wrk(healthz);
  const auto m = accept(on, n, 1, connections);
  add_common(on, connections, m, std::nullopt, into);
  into.add("wrk: GET /healthz of the same node", unit::per_second, yardstick.per_second);
  into.add("ratio: accepted over /healthz", unit::times,
           static_cast<double>(m.accepted) / m.seconds() / yardstick.per_second,
           at_least(wanted_single_ratio));
}

void measure_accept_batch(stage& on, figures& into) {
  constexpr std::size_t batch = 100, connections = 16;
  const auto m = accept(on, on.fresh_node(), batch, connections);
  add_common(on, batch * connections, m, at_least(wanted_batch_ratio), into);
}

} // namespace carillon::bench
