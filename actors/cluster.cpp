#include "actors/cluster.hpp"

#include "actors/entry.hpp"
#include "actors/forwarder.hpp"
#include "actors/outcome_courier.hpp"
#include "actors/peers.hpp"
#include "actors/placement.hpp"
#include "actors/replica_seat.hpp"
#include "config/logging.hpp"
#include "coordination/etcd.hpp"
#include "crypto/base64.hpp"
#include "storage/membership.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;

/// Between two tries to read what the cluster is.
constexpr auto found_retry = 500ms;

std::string host_part(const std::string& address) {
  auto host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  return host;
}

/// Waits for a call of the configuration store.
template <class Result, class Call>
Result wait_for(Call call) {
  auto promised = std::make_shared<std::promise<Result>>();
  auto result = promised->get_future();
  call([promised](Result r) { promised->set_value(std::move(r)); });
  return result.get();
}

/// From outside of any actor; false also when no answer came in time.
template <class Handle, class... Question>
bool ask_and_wait(caf::actor_system& system, const Handle& whom, std::chrono::milliseconds timeout, Question... what) {
  bool answer = false;
  caf::scoped_actor self{system};
  self->request(whom, timeout, std::move(what)...)
      .receive([&](bool said) { answer = said; }, [](const caf::error&) {});
  return answer;
}

} // namespace

cluster::cluster(const config::settings& settings, storage::store& store) : settings_{settings.cluster} {
  self_ = store.identity().uuid;
  coordination::etcd_settings etcd;
  etcd.endpoints = settings_.etcd;
  etcd.ca_file = settings_.ca;
  etcd.certificate_file = settings_.certificate;
  etcd.key_file = settings_.key;
  configuration_ = coordination::make_etcd_store(etcd);
  found_or_join(store);
  net::node_link_settings link;
  link.self.cluster = settings_.name;
  link.self.node = self_;
  link.self.host = host_part(settings_.advertise.empty() ? settings_.listen : settings_.advertise);
  link.listen = settings_.listen;
  link.certificate = settings_.certificate;
  link.key = settings_.key;
  link.ca = settings_.ca;
  links_ = std::make_shared<net::node_links>(std::move(link));
}

cluster::~cluster() {
  stop();
}

/// The first store to come founds the cluster: all others take its hash key, so that each name falls into the
/// same shard on every node.
void cluster::found_or_join(storage::store& store) {
  const auto known = storage::membership(store);
  if (known) {
    founder_ = known->founder;
    store.join({settings_.name, known->founder, store.identity().hash_key, store.identity().shards,
                store.identity().generation});
    return;
  }
  storage::cluster_identity mine{settings_.name, self_, store.identity().hash_key, store.identity().shards,
                                 store.identity().generation};
  const auto key = coordination::identity_key(settings_.name);
  std::string said;
  for (;; std::this_thread::sleep_for(found_retry)) {
    const auto there = wait_for<coordination::get_result>(
        [&](auto done) { configuration_->get(key, coordination::reach::key, std::move(done)); });
    if (there.error) {
      if (std::exchange(said, there.error->detail) != said)
        config::log(config::log_level::warning, "waiting for the cluster's configuration store",
                    {{"cluster", settings_.name}, {"error", said}});
      continue;
    }
    if (!there.entries.empty()) {
      const auto identity = storage::decode_membership(there.entries.front().value);
      if (!identity)
        throw std::runtime_error{key + ": what the configuration store holds there is no cluster's identity"};
      founder_ = identity->founder;
      store.join(*identity);
      config::log(config::log_level::info, "joined a cluster", {{"cluster", settings_.name}, {"node", self_}});
      return;
    }
    // Whatever comes of it, the next read tells who the founder is.
    wait_for<coordination::swap_result>([&](auto done) {
      coordination::swap_request request;
      request.key = key;
      request.value = storage::encode_membership(mine);
      configuration_->compare_and_swap(std::move(request), std::move(done));
    });
  }
}

void cluster::start(caf::actor_system& system, const services_ptr& node, const writer_actor& writer,
                    const directory_actor& directory, const sweeper_actor& sweeper) {
  for (const auto& seen : storage::read_clocks(node->store))
    node->clocks.note(seen);
  replica_neighbours around;
  around.writer = writer;
  around.directory = directory;
  around.sweeper = sweeper;
  around.configuration = configuration_;
  around.cluster = settings_.name;
  around.self = self_;
  const link_sender send = [over = std::weak_ptr{links_}](std::uint64_t link, std::string message) {
    const auto links = over.lock();
    return links && links->post(link, std::move(message));
  };
  around.send = send;
  around.goes_both_ways = [over = std::weak_ptr{links_}](std::uint64_t link, std::chrono::milliseconds within) {
    const auto links = over.lock();
    return links && links->goes_both_ways(link, within);
  };
  around.min_replicas = settings_.min_replicas;
  peer_mail::receivers mailed;
  const auto seat = [&](domain::shard_id shard) {
    auto at = around;
    at.shard = shard;
    return replica_seat::make(node, std::move(at));
  };
  const auto spawn = [&](domain::shard_id shard, const std::shared_ptr<replica_seat>& at) {
    const auto front = system.spawn(replica, at, shard, directory);
    at->attach(front);
    return front;
  };
  for (std::uint16_t s = 0; s < node->store.identity().shards; ++s) {
    const domain::shard_id shard{s};
    replicas_.push_back(spawn(shard, mailed.replicas.emplace_back(seat(shard))));
  }
  mailed.system = seat(domain::system_shard);
  system_ = spawn(domain::system_shard, mailed.system);
  courier_ = system.spawn(outcome_courier, node, directory);
  forwarder_ = system.spawn(actors::forwarder, send);
  entry_ = system.spawn(actors::entry, node, entry_neighbours{replicas_, system_, directory, courier_, forwarder_});
  placement_setup setup;
  setup.settings = settings_;
  setup.self = self_;
  setup.founder = founder_;
  setup.address = settings_.advertise.empty() ? links_->address() : settings_.advertise;
  setup.configuration = configuration_;
  setup.links = links_;
  mailed.forwarder = forwarder_;
  setup.mail = std::make_shared<peer_mail>(node, std::move(mailed), send);
  setup.entry = entry_;
  setup.forwarder = forwarder_;
  setup.writer = writer;
  setup.replicas = replicas_;
  setup.system = system_;
  placement_ = system.spawn(placement, node, std::move(setup));
}

bool cluster::leave(caf::actor_system& system, std::chrono::milliseconds timeout) {
  return ask_and_wait(system, placement_, timeout, leave_atom_v);
}

void cluster::say_goodbye(caf::actor_system& system, const cluster_view& view, std::chrono::milliseconds timeout) {
  for (const auto& [who, peer] : view.reachable)
    ask_and_wait(system, peer.entry, timeout, leave_atom_v, self_);
}

bool cluster::bring_outcomes(caf::actor_system& system, std::chrono::milliseconds timeout) {
  return ask_and_wait(system, courier_, timeout, drain_atom_v);
}

void cluster::stop() {
  // Their callbacks come from this: none afterwards.
  caf::anon_send_exit(placement_, caf::exit_reason::kill);
  for (const auto& r : replicas_)
    caf::anon_send_exit(r, caf::exit_reason::kill);
  caf::anon_send_exit(system_, caf::exit_reason::kill);
  caf::anon_send_exit(entry_, caf::exit_reason::kill);
  caf::anon_send_exit(courier_, caf::exit_reason::kill);
  caf::anon_send_exit(forwarder_, caf::exit_reason::kill);
  placement_ = nullptr;
  replicas_.clear();
  system_ = nullptr;
  entry_ = nullptr;
  courier_ = nullptr;
  forwarder_ = nullptr;
}

} // namespace carillon::actors
