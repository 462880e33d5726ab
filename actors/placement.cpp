#include "actors/placement.hpp"

#include "actors/peers.hpp"
#include "config/logging.hpp"
#include "storage/membership.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;
using config::log_level;

constexpr auto tick_interval = 100ms;
/// So often replicas are told that time passes: twice in the time after which something is said again.
constexpr int ticks_of_replicas = 5;
/// A node is taken for gone when its entry wasn't kept alive for so long.
constexpr auto lease_time = 5s;
/// How long accounts, keys and tokens are judged by as they are here, after this node has last made sure that nobody
/// changes them without it. Longer than it takes to replace a primary, so that its end refuses nobody.
constexpr auto catalog_patience = 2s;
/// Between two tries to put this node's entry there, and to reach a peer.
constexpr auto register_retry = 500ms;
constexpr auto dial_retry = 300ms;
constexpr auto dial_retry_seldom = 5s;
/// How often other nodes' clocks are written down: over that time two clocks drift apart by microseconds.
constexpr auto clocks_interval = 5s;
/// What a leaving node waits for its shards.
constexpr auto leave_time = 18s;
constexpr std::uint32_t protocol = 1;

std::string host_of(std::string_view address) {
  auto host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  return std::string{host};
}

} // namespace

bool known_hosts::knows(const net::link_hello& peer) const {
  const std::lock_guard lock{guard_};
  const auto it = hosts_.find(peer.node);
  return it != hosts_.end() && std::find(it->second.begin(), it->second.end(), peer.host) != it->second.end();
}

void known_hosts::replace(std::map<std::string, std::vector<std::string>> hosts) {
  const std::lock_guard lock{guard_};
  hosts_ = std::move(hosts);
}

placement_state::~placement_state() {
  caf::anon_send_exit(peers, caf::exit_reason::user_shutdown);
}

void placement_state::start(services_ptr services, placement_setup given) {
  node = std::move(services);
  at = std::move(given);
  hosts = std::make_shared<known_hosts>();
  const placement_actor me{self};
  peers_setup setup;
  setup.links = at.links;
  setup.self = at.self;
  setup.entry = caf::actor_cast<caf::strong_actor_ptr>(at.entry);
  setup.watcher = me;
  setup.mail = [to = at.mail](const std::string& from, std::uint64_t over, const std::string& message) {
    to->take(from, over, message);
  };
  setup.known = [known = hosts](const net::link_hello& peer) { return known->knows(peer); };
  peers = spawn_peers(self->home_system(), std::move(setup));
  follow_configuration();
  register_node();
  self->delayed_send(self, tick_interval, tick_atom_v);
}

// --- this node's own entry ---

void placement_state::register_node() {
  if (std::exchange(registering, true) || left)
    return;
  lease_kept.reset();
  at.configuration->grant(lease_time, [me = placement_actor{self}](const coordination::lease_result& r) {
    caf::anon_send(me, registry_news{r.error ? 0 : r.lease, false, r.error ? r.error->detail : "", {}});
  });
}

/// What a swap of this node's entry may expect to be there: its own, of an earlier life, but never that of another node
/// with this id, which has a copy of this store. Then it waits for the end of the other's lease.
coordination::revision placement_state::replaceable(const coordination::entry& there, std::string& twin) const {
  const auto read = coordination::decode_node(at.settings.name, there.key, there.value);
  const auto* other = std::get_if<coordination::node_registration>(&read);
  const bool mine = other == nullptr || (!other->addresses.empty() && other->addresses.front() == at.address);
  twin = mine ? "" : other->name;
  return mine ? there.modified : 0;
}

coordination::swap_request placement_state::own_entry() const {
  coordination::node_registration me;
  me.id = at.self;
  me.name = at.address;
  me.addresses = {at.address};
  me.protocol = me.oldest_protocol = protocol;
  me.leaving = left;
  coordination::swap_request request;
  request.key = coordination::node_key(at.settings.name, at.self);
  request.expected = entry_revision;
  request.value = coordination::encode(me);
  request.lease = lease;
  return request;
}

void placement_state::put_entry() {
  at.configuration->compare_and_swap(
      own_entry(), [to = placement_actor{self}](const coordination::swap_result& r) {
        registry_news news{0, r.succeeded, r.error ? r.error->detail : "", r.current};
        caf::anon_send(to, std::move(news));
      });
}

void placement_state::registered(const registry_news& news) {
  if (news.lease != 0) {
    lease = news.lease;
    lease_kept = at.configuration->keep_alive(lease, lease_time, [me = placement_actor{self}](std::string why) {
      caf::anon_send(me, registry_news{0, false, std::move(why), {}});
    });
    return put_entry();
  }
  std::string twin;
  entry_revision = news.entry ? replaceable(*news.entry, twin) : 0;
  registering = false;
  if (news.put) {
    in_cluster = true;
    changed = true;
    config::log(log_level::info, "in the cluster", {{"cluster", at.settings.name}, {"node", at.self}, {"address", at.address}});
    return;
  }
  if (!left)
    config::log(log_level::warning, "this node's entry in the configuration store is not there",
                {{"cluster", at.settings.name},
                 {"error", twin.empty() ? news.detail : "another node has this store's id: a copy of it runs at " + twin}});
  lease_kept.reset();
  lease = 0;
  register_at = domain::boot_clock::now() + register_retry;
}

// --- what is known ---

void placement_state::follow_configuration() {
  watch = at.configuration->watch(
      coordination::cluster_prefix(at.settings.name), 0,
      [me = placement_actor{self}](coordination::watch_report report) { caf::anon_send(me, std::move(report)); });
}

/// Whether the store that tells this holds the cluster which this node belongs to. One that has lost its data, or holds
/// a cluster that was founded since, says nothing of who has which shard.
bool placement_state::is_ours(const coordination::watch_report& report) {
  const auto key = coordination::identity_key(at.settings.name);
  for (const auto& one : report.changes) {
    if (one.key != key)
      continue;
    const auto identity = one.now ? storage::decode_membership(one.now->value) : std::nullopt;
    ours = identity && identity->founder == at.founder;
  }
  return ours;
}

void placement_state::watched(const coordination::watch_report& report) {
  // What was read counts also while nothing is told as it happens: at the start, or when the stream is lost.
  if (is_ours(report)) {
    if (std::exchange(passed_over, false))
      return follow_configuration(); // tells all of it once more
    for (const auto& one : report.changes)
      take_in(one);
  } else if (!report.changes.empty() && !std::exchange(passed_over, true)) {
    config::log(log_level::error,
                "the configuration store doesn't hold this cluster; what is served goes on. Bring its data back",
                {{"cluster", at.settings.name}, {"founder", at.founder}});
  }
  const bool follows = report.stream == coordination::watch_report::state::following;
  if (std::exchange(following, follows) && !follows)
    config::log(log_level::warning, "the configuration store doesn't answer; what is served goes on",
                {{"cluster", at.settings.name}, {"error", report.detail}});
}

void placement_state::take_in(const coordination::change& one) {
  if (const auto shard = coordination::shard_of_key(at.settings.name, one.key)) {
    if (!one.now)
      return; // nobody erases a shard's configuration; without it, nothing changes hands
    auto read = coordination::decode_shard(one.key, one.now->value);
    if (const auto* fault = std::get_if<coordination::value_fault>(&read)) {
      config::log(log_level::error, "the cluster's configuration can't be read", {{"error", fault->detail}});
      return;
    }
    auto& known = shards[*shard];
    if (one.now->modified > known.at) {
      known = {std::move(std::get<coordination::shard_configuration>(read)), one.now->modified};
      changed = members_changed = true;
    }
  } else if (const auto who = coordination::node_of_key(at.settings.name, one.key)) {
    changed = true;
    std::string twin;
    if (*who == at.self)
      entry_revision = one.now ? replaceable(*one.now, twin) : 0;
    if (!one.now) {
      nodes.erase(*who);
      if (*who == at.self && lease != 0 && !registering && !left)
        register_at = domain::boot_clock::now();
      return;
    }
    auto read = coordination::decode_node(at.settings.name, one.key, one.now->value);
    if (auto* found = std::get_if<coordination::node_registration>(&read)) {
      if (found->leaving)
        leavers.insert(*who);
      else
        leavers.erase(*who);
      nodes[*who] = std::move(*found);
    } else
      config::log(log_level::error, "the cluster's configuration can't be read",
                  {{"error", std::get<coordination::value_fault>(read).detail}});
  }
}

void placement_state::peer_up(const std::string& who, std::uint64_t number, const caf::strong_actor_ptr& entry) {
  config::log(log_level::info, "a node is reached", {{"node", who}});
  links[who] = {number, caf::actor_cast<entry_actor>(entry)};
  dial_at.erase(who);
  publish();
}

void placement_state::peer_down(const std::string& who, std::uint64_t number, const std::string& why) {
  const auto it = links.find(who);
  if (it == links.end() || it->second.number != number)
    return;
  config::log(log_level::warning, "a node is not reached any more", {{"node", who}, {"reason", why}});
  links.erase(it);
  leavers.erase(who);
  dial_at[who] = domain::boot_clock::now() + dial_retry;
  publish();
}

void placement_state::link_failed(const std::string& who, const std::string& why, bool soon) {
  if (!soon)
    config::log(log_level::warning, "no link to a node", {{"node", who}, {"reason", why}});
  dial_at[who] = domain::boot_clock::now() + (soon ? dial_retry : dial_retry_seldom);
}

void placement_state::dial_those_missing() {
  const auto now = domain::boot_clock::now();
  for (const auto& [who, entry] : nodes) {
    if (who == at.self || links.contains(who) || !dials(at.self, who) || entry.addresses.empty())
      continue;
    const auto [it, fresh] = dial_at.try_emplace(who, now);
    if (it->second > now)
      continue;
    it->second = domain::boot_time::max(); // until it is told how it went
    self->send(peers, dial_atom_v, who, entry.addresses.front());
  }
}

/// Whether no change of accounts, keys and tokens is committed without this node at this moment: it is a full member of
/// their shard, and speaks with who leads it; or, as the primary, with a member that a successor would need; or the
/// configuration store still tells it that it is one.
bool placement_state::catalog_is_sure() const {
  const auto known = shards.find(domain::system_shard);
  if (known == shards.end())
    return false;
  const auto& now = known->second.value;
  const auto* me = now.find(at.self);
  if (me == nullptr || me->role != coordination::member_role::full)
    return false;
  if (following && vouched)
    return true;
  if (now.primary != at.self)
    return links.contains(now.primary);
  return now.acknowledging() == 1 || std::any_of(now.members.begin(), now.members.end(), [this](const auto& m) {
           return m.role != coordination::member_role::learner && links.contains(m.node);
         });
}

void placement_state::vouch_for_catalog() {
  if (!catalog_is_sure())
    return;
  vouched = true;
  node->catalog_good_until = domain::boot_clock::now() + catalog_patience;
}

/// Tells everyone what is known now.
void placement_state::publish() {
  // Whose id may be another's leads nothing.
  if (!in_cluster)
    return;
  changed = false;
  vouch_for_catalog();
  std::map<std::string, std::vector<std::string>> addresses;
  for (const auto& [who, entry] : nodes)
    for (const auto& address : entry.addresses)
      addresses[who].push_back(host_of(address));
  hosts->replace(std::move(addresses));
  auto view = std::make_shared<cluster_view>();
  view->name = at.settings.name;
  view->self = at.self;
  view->founder = at.founder;
  view->min_replicas = at.settings.min_replicas;
  view->shards = shards;
  view->nodes = nodes;
  for (const auto& [who, one] : links)
    view->reachable.emplace(who, reached_node{one.entry, one.number});
  if (!left)
    view->steps = steps();
  cluster_view_ptr now = std::move(view);
  node->know(now);
  to_replicas(now);
  self->send(at.forwarder, now);
}

std::vector<coordination::placement_step> placement_state::steps() const {
  // Whom it speaks with. That a lease has ended says only that its node doesn't reach etcd.
  std::set<coordination::node_id> alive{at.self};
  for (const auto& [who, one] : links)
    if (!leavers.contains(who))
      alive.insert(who);
  std::vector<domain::shard_id> of_accounts;
  coordination::shard_map current, system;
  for (const auto& [shard, known] : shards)
    (shard == domain::system_shard ? system : current).emplace(shard, known.value);
  for (std::uint16_t s = 0; s < at.replicas.size(); ++s)
    of_accounts.push_back(domain::shard_id{s});
  auto out = coordination::next_steps(
      current, coordination::wanted_placement(of_accounts, alive, at.settings.replicas), alive,
      at.settings.replicas);
  // Accounts, keys and tokens are on every node.
  const auto everywhere = coordination::next_steps(
      system, coordination::wanted_placement({domain::system_shard}, alive, alive.size()), alive, alive.size());
  out.insert(out.end(), everywhere.begin(), everywhere.end());
  return out;
}

void placement_state::tick() {
  const auto now = domain::boot_clock::now();
  if (++ticks % ticks_of_replicas == 0)
    to_replicas(tick_atom_v);
  if (lease == 0 && !registering && now >= register_at)
    register_node();
  if (in_cluster)
    dial_those_missing();
  vouch_for_catalog();
  if (changed)
    publish();
  if (now - clocks_saved >= clocks_interval)
    save_clocks();
  if (members_changed)
    save_members();
  self->delayed_send(self, tick_interval, tick_atom_v);
}

void placement_state::save_clocks() {
  clocks_saved = domain::boot_clock::now();
  std::vector<domain::table_write> rows;
  for (const auto& seen : node->clocks.all())
    rows.push_back(storage::plan_clock(seen));
  write(std::move(rows));
}

void placement_state::save_members() {
  members_changed = false;
  std::vector<storage::shard_members> of;
  for (const auto& [shard, known] : shards) {
    auto& one = of.emplace_back(storage::shard_members{shard, known.value.epoch, {}});
    for (const auto& m : known.value.members)
      if (m.role == coordination::member_role::full)
        one.full.push_back(m.node);
  }
  write({storage::plan_members(of)});
}

/// This node's own rows, beside all logs.
void placement_state::write(std::vector<domain::table_write> rows) {
  if (rows.empty())
    return;
  storage::log_row row;
  row.shard = domain::system_shard;
  row.batches.emplace_back().tables = std::move(rows);
  self->send(at.writer, proposed_row{std::move(row), [](const storage::row_result&) {}});
}

// --- the end ---

/// First its entry says so: whoever hears of a handover has heard of that before, and hands nothing back.
caf::result<bool> placement_state::leave() {
  left = true;
  publish();
  leave_answer = self->make_response_promise<bool>();
  at.configuration->compare_and_swap(own_entry(), [me = placement_actor{self}](const auto&) {
    caf::anon_send(me, left_atom_v);
  });
  return leave_answer;
}

void placement_state::hand_all_over() {
  auto waiting = std::make_shared<std::size_t>(at.replicas.size() + 1);
  auto orderly = std::make_shared<bool>(true);
  const auto one_less = [this, waiting, orderly](bool handed) {
    *orderly = *orderly && handed;
    if (--*waiting > 0)
      return;
    withdraw();
    leave_answer.deliver(*orderly);
  };
  auto all = at.replicas;
  all.push_back(at.system);
  for (const auto& replica : all)
    self->request(replica, leave_time, leave_atom_v)
        .then([one_less](bool handed) { one_less(handed); },
              [one_less](const caf::error&) { one_less(false); });
}

void placement_state::withdraw() {
  lease_kept.reset();
  coordination::swap_request request;
  request.key = coordination::node_key(at.settings.name, at.self);
  request.expected = entry_revision;
  at.configuration->compare_and_swap(std::move(request), [](const coordination::swap_result&) {});
}

placement_actor::behavior_type placement(placement_actor::stateful_pointer<placement_state> self,
                                         services_ptr node, placement_setup given) {
  self->state.start(std::move(node), std::move(given));
  return {
      [self](peer_up_atom, const std::string& who, std::uint64_t link, const caf::strong_actor_ptr& entry) {
        self->state.peer_up(who, link, entry);
      },
      [self](peer_down_atom, const std::string& who, std::uint64_t link, const std::string& why) {
        self->state.peer_down(who, link, why);
      },
      [self](link_failed_atom, const std::string& who, const std::string& why, bool soon) {
        self->state.link_failed(who, why, soon);
      },
      [self](const coordination::watch_report& report) { self->state.watched(report); },
      [self](const registry_news& news) { self->state.registered(news); },
      [self](tick_atom) { self->state.tick(); },
      [self](leave_atom) { return self->state.leave(); },
      [self](left_atom) { self->state.hand_all_over(); },
  };
}

} // namespace carillon::actors
