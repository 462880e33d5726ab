#include "bench/cluster_failover.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr int shards = 64;
constexpr std::size_t accounts = 32, kills = 3;
constexpr double rate = 400;
/// Requests for the dead node's accounts hold theirs until another node leads.
constexpr std::size_t connections = 512;
constexpr double wanted_p99 = 3'000; ///< ms
constexpr auto patience = 20s, load_time = 120s;
constexpr std::uint64_t most_events = 100'000;

/// When a dead node's account was answered, and sent to, for the first time after the kill.
struct back {
  std::optional<domain::boot_time> accepted, arrived;
};

void earlier(std::optional<domain::boot_time>& than, const std::optional<domain::boot_time>& that) {
  if (that && (!than || *that < *than))
    than = that;
}

/// Of events that were posted after the kill: the account of an event is known by its number.
back first_after(const ledger& book, const load_settings& load, std::size_t account, domain::boot_time killed) {
  back out;
  const auto fates = book.fates(load.first, load.most_events);
  for (auto i = account; i < fates.size(); i += load.accounts.size())
    if (const auto& e = fates[i]; e.posted && *e.posted >= killed) {
      earlier(out.accepted, e.accepted);
      earlier(out.arrived, e.arrived);
    }
  return out;
}

std::vector<std::size_t> led_by(cluster& nodes, const std::string& id, const std::vector<int>& shard_of_account) {
  const auto look = nodes.look();
  std::vector<std::size_t> led;
  for (std::size_t i = 0; i < shard_of_account.size(); ++i)
    if (look.shards.at(shard_of_account[i]).primary == id)
      led.push_back(i);
  return led;
}

/// What didn't arrive may be in the missed feed: its POST was under way when the node died.
std::uint64_t judge(stage& on, cluster& nodes, const load_settings& load, std::uint64_t posted) {
  const auto unknown = [&] {
    std::set<std::uint64_t> all;
    for (const auto& name : load.accounts)
      all.merge(unknown_in(*nodes.running().front(), name));
    return all;
  };
  const auto unaccounted = [&] {
    const auto told = unknown();
    const auto fates = on.book().fates(load.first, posted);
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < fates.size(); ++i)
      n += fates[i].accepted && !fates[i].arrived && !told.contains(load.first + i) ? 1 : 0;
    return n;
  };
  const auto deadline = domain::boot_clock::now() + patience;
  while (unaccounted() > 0 && domain::boot_clock::now() < deadline)
    std::this_thread::sleep_for(200ms);
  const auto found = on.book().judge();
  if (const auto lost = unaccounted(); lost > 0 || found.doubled_events + found.doubled_posts + found.unexpected > 0)
    throw std::runtime_error("when nodes were killed " + std::to_string(lost) +
                             " events ended nowhere; in all: " + found.to_string());
  return unknown().size();
}

} // namespace

void measure_failover(stage& on, cluster& nodes, figures& into) {
  auto& entrance = nodes.at(0);
  load_settings load;
  load.accounts = make_tenants(entrance, accounts, "kept-", on.receiver().url() + "/fast", sending::active);
  load.connections = connections;
  load.events_per_second = rate;
  load.duration = load_time;
  load.most_events = most_events;
  load.repeats = true;
  std::vector<int> shard_of_account;
  for (const auto& name : load.accounts)
    shard_of_account.push_back(static_cast<int>(subscription_of(entrance, name) % shards));

  const auto generator = on.begin(load, on.book());
  const auto& posted = generator->settings();
  std::vector<std::int64_t> to_202, to_post;
  for (std::size_t victim = 0; victim < kills; ++victim) {
    nodes.wait_settled();
    const auto led = led_by(nodes, nodes.id(victim), shard_of_account);
    const auto killed = domain::boot_clock::now();
    nodes.kill(victim);
    for (const auto account : led) {
      auto first = first_after(on.book(), posted, account, killed);
      while (!first.accepted || !first.arrived) {
        if (domain::boot_clock::now() > killed + patience)
          throw std::runtime_error("nobody took over an account of a killed node");
        std::this_thread::sleep_for(50ms);
        first = first_after(on.book(), posted, account, killed);
      }
      to_202.push_back((*first.accepted - killed).count());
      to_post.push_back((*first.arrived - killed).count());
    }
    nodes.start(victim);
  }
  nodes.wait_settled();
  const auto result = on.end(*generator);
  const auto unknown = judge(on, nodes, posted, result.events);
  into.add("kill -9 of a primary to the next 202, p50", unit::milliseconds, quantile(to_202, 0.5) / 1e6);
  into.add("kill -9 of a primary to the next 202, p99", unit::milliseconds, quantile(to_202, 0.99) / 1e6,
           at_most(wanted_p99));
  into.add("kill -9 of a primary to the next POST, p50", unit::milliseconds, quantile(to_post, 0.5) / 1e6);
  into.add("kill -9 of a primary to the next POST, p99", unit::milliseconds, quantile(to_post, 0.99) / 1e6,
           at_most(wanted_p99));
  into.add("accounts that were taken over", unit::count, static_cast<double>(to_202.size()));
  into.add("notifications that ended as unknown", unit::count, static_cast<double>(unknown));
}

} // namespace carillon::bench
