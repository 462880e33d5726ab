#include "bench/cluster_move.hpp"

#include "coordination/placement.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t waiting = 100'000;
constexpr int shards = 64;
constexpr std::size_t replicas = 2;
/// One of so many accounts is in a shard that the new node is to lead: it leads a quarter of them.
constexpr std::size_t candidates = 32, others = 16;
constexpr double rate_of_moved = 200, rate_of_others = 600;
constexpr double wanted_p99 = 250; ///< ms
constexpr auto move_timeout = 60s;
/// A shard that isn't handed over while it is used is so afterwards: the figures tell.
constexpr auto load_time = 30s;
constexpr auto look_pause = 20ms;
/// Beyond what is posted in that time.
constexpr std::uint64_t most_events = 50'000;

int shard_of(const node& on, const std::string& account) {
  return static_cast<int>(subscription_of(on, account) % shards);
}

/// The shards that the newcomer will lead.
std::set<int> share_of(cluster& nodes, std::size_t newcomer) {
  std::vector<domain::shard_id> all;
  for (std::uint16_t s = 0; s < shards; ++s)
    all.push_back(domain::shard_id{s});
  std::set<coordination::node_id> ids;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    ids.insert(nodes.id(i));
  std::set<int> share;
  for (const auto& [shard, wanted] : coordination::wanted_placement(all, ids, replicas))
    if (wanted.primary == nodes.id(newcomer))
      share.insert(raw(shard));
  return share;
}

load_settings steady(std::vector<std::string> accounts, double rate) {
  load_settings load;
  load.accounts = std::move(accounts);
  load.connections = 64;
  load.events_per_second = rate;
  load.most_events = most_events;
  load.duration = load_time;
  load.repeats = true;
  return load;
}

struct move {
  domain::boot_time copying, filled, led; ///< learner; full member; primary
};

move watch_move(cluster& nodes, int shard, std::size_t newcomer) {
  move seen;
  const auto deadline = domain::boot_clock::now() + move_timeout;
  const auto& id = nodes.id(newcomer);
  for (auto now = domain::boot_clock::now(); now < deadline; now = domain::boot_clock::now()) {
    const auto look = nodes.look();
    const auto& at = look.shards.at(shard);
    const auto role = at.members.find(id);
    if (role != at.members.end() && seen.copying == domain::boot_time{})
      seen.copying = now;
    if (role != at.members.end() && role->second == "full" && seen.filled == domain::boot_time{})
      seen.filled = now;
    if (at.primary == id) {
      seen.led = now;
      return seen;
    }
    std::this_thread::sleep_for(look_pause);
  }
  throw std::runtime_error("the shard was not moved in time");
}

/// Milliseconds from the event's POST to its 202, of those posted within the time.
std::vector<std::int64_t> to_202(const ledger& book, const playing& load, const load_result& result,
                                 domain::boot_time from, domain::boot_time to) {
  std::vector<std::int64_t> out;
  for (const auto& e : book.fates(load.settings().first, result.events))
    if (e.posted && e.accepted && *e.posted >= from && *e.posted < to)
      out.push_back((*e.accepted - *e.posted).count());
  return out;
}

double milliseconds(domain::boot_time from, domain::boot_time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

} // namespace

void measure_move(stage& on, cluster& nodes, figures& into) {
  const auto newcomer = nodes.add();
  const auto share = share_of(nodes, newcomer);
  auto& entrance = nodes.at(0);
  const auto url = on.receiver().url() + "/fast";
  const auto paused = make_tenants(entrance, candidates, "moved-", url, sending::paused);
  const auto moved = std::find_if(paused.begin(), paused.end(),
                                  [&](const auto& name) { return share.contains(shard_of(entrance, name)); });
  if (moved == paused.end())
    throw std::runtime_error("no account is in a shard that is to move");
  const auto shard = shard_of(entrance, *moved);
  auto beside = make_tenants(entrance, others, "beside-", url, sending::active);
  std::erase_if(beside, [&](const auto& name) { return shard_of(entrance, name) == shard; });
  auto fill = in_batches({*moved});
  fill.most_events = waiting;
  fill.most_outstanding = 0;
  ledger waits;
  on.post_all(fill, waits);

  const auto of_others = on.begin(steady(beside, rate_of_others), on.book());
  const auto of_moved = on.begin(steady({*moved}, rate_of_moved), waits);
  const auto began = domain::boot_clock::now();
  nodes.start(newcomer);
  const auto seen = watch_move(nodes, shard, newcomer);
  nodes.wait_settled();
  const auto settled = domain::boot_clock::now();
  const auto others_result = on.end(*of_others), moved_result = on.end(*of_moved);
  if (const auto left = pending_in(entrance, {*moved}); left != waiting + moved_result.accepted)
    throw std::runtime_error("of " + std::to_string(waiting + moved_result.accepted) +
                             " notifications that waited in the shard that moved there are " + std::to_string(left));
  on.settle();
  if (const auto found = on.book().judge(); !found.clean())
    throw std::runtime_error("events were lost or doubled while a shard moved: " + found.to_string());

  into.add("a shard of 100,000 pending is copied to another node", unit::milliseconds,
           milliseconds(seen.copying, seen.filled));
  into.add("the same until that node leads it", unit::milliseconds, milliseconds(seen.copying, seen.led));
  into.add("a fourth node has its share of all shards", unit::milliseconds, milliseconds(began, settled));
  const auto latency = [&](const char* whose, const ledger& book, const playing& load, const load_result& result) {
    auto during = to_202(book, load, result, seen.copying, seen.led);
    into.add(std::string{"event's POST to 202 meanwhile, "} + whose + ", p50", unit::milliseconds,
             quantile(during, 0.5) / 1e6);
    into.add(std::string{"event's POST to 202 meanwhile, "} + whose + ", p99", unit::milliseconds,
             quantile(during, 0.99) / 1e6, at_most(wanted_p99));
    into.add(std::string{"event's POST to 202 meanwhile, "} + whose + ", longest", unit::milliseconds,
             quantile(during, 1) / 1e6);
    auto all = to_202(book, load, result, began, settled);
    into.add(std::string{"the same while all shards move, "} + whose + ", p99", unit::milliseconds,
             quantile(all, 0.99) / 1e6);
  };
  latency("other accounts", on.book(), *of_others, others_result);
  latency("the account that moves", waits, *of_moved, moved_result);
  into.add("requests posted again meanwhile", unit::count,
           static_cast<double>(others_result.repeated + moved_result.repeated));
}

} // namespace carillon::bench
