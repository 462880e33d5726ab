#include "actors/node.hpp"

#include "actors/account.hpp"
#include "actors/actor_scheduler.hpp"
#include "actors/cluster.hpp"
#include "actors/delivery.hpp"
#include "actors/directory.hpp"
#include "actors/cluster_view.hpp"
#include "actors/error.hpp"
#include "actors/ingress.hpp"
#include "actors/interfaces.hpp"
#include "actors/lag_survey.hpp"
#include "actors/peers.hpp"
#include "actors/shard.hpp"
#include "actors/sweeper.hpp"
#include "actors/writer.hpp"
#include "config/logging.hpp"
#include "net/delivery_engine.hpp"
#include "storage/backup.hpp"
#include "storage/membership.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace carillon::actors {

namespace {

/// Nobody outside waits longer for an account; long polls add their own wait.
constexpr std::chrono::seconds catalog_timeout{30};

/// How many messages an actor takes before it lets others run: a flooded account must not hold a thread.
constexpr std::size_t messages_per_run = 32;

struct system_config : caf::actor_system_config {
  system_config(std::size_t threads, bool clustered) {
    if (clustered)
      add_peer_support(*this);
    add_message_types<caf::id_block::carillon>();
    add_error_category(caf::atom("carillon"), [](std::uint8_t code, caf::atom_value, const caf::message&) {
      return to_string(static_cast<ec>(code));
    });
    load<actor_scheduler>();
    set("scheduler.max-threads", threads);
    set("scheduler.max-throughput", messages_per_run);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

net::delivery_engine_settings engine_settings(const config::settings& s) {
  net::delivery_engine_settings out;
  out.connect_timeout = s.delivery.connect_timeout;
  out.extra_ca_file = s.egress.ca_file;
  return out;
}

std::shared_ptr<const net::egress_policy> make_policy(const config::settings& s) {
  net::egress_settings e;
  e.allow = s.egress.allow;
  e.deny = s.egress.deny;
  e.ports = s.egress.ports;
  e.allow_insecure_ssl = s.egress.allow_insecure_ssl;
  return std::make_shared<const net::egress_policy>(e);
}

storage::store_settings store_settings(const config::settings& s) {
  storage::store_settings out;
  out.directory = s.storage.directory;
  out.map_size = s.storage.map_size;
  return out;
}

} // namespace

struct node::impl {
  impl(std::shared_ptr<const config::settings> settings, crypto::key_ring keys,
       std::function<void(std::string)> fatal)
      : store{store_settings(*settings)}, shared{std::make_shared<services>(store, std::move(keys), settings,
                                                                            make_policy(*settings))},
        threads{std::max<std::size_t>(1, settings->process.threads)},
        membership{join(*settings)}, system_settings{threads, membership != nullptr}, system{system_settings} {
    shared->fatal = std::move(fatal);
    shared->held = store.held();
    start(*settings);
  }

  std::unique_ptr<cluster> join(const config::settings& settings) {
    if (settings.cluster.name.empty()) {
      if (const auto of = storage::membership(store))
        throw std::runtime_error("the store " + store.directory() + " belongs to the cluster \"" + of->name +
                                 "\"; start it with that cluster's settings");
      return nullptr;
    }
    if (store.held())
      throw std::runtime_error("the store " + store.directory() +
                               " was restored and is held: start it alone and release it (POST /v1/release) before it "
                               "founds a cluster");
    store.know(shared->clocks);
    return std::make_unique<cluster>(settings, store);
  }

  ~impl() {
    // Engines first: their last outcomes may still reach their actors.
    for (auto& e : engines)
      e.reset();
    if (membership)
      membership->stop();
    for (auto& a : running)
      caf::anon_send_exit(a, caf::exit_reason::kill);
    for (auto& a : running)
      a = nullptr;
    writer_handle = nullptr;
    directory_handle = nullptr;
    ingresses.clear();
    deliveries.clear();
    shards.clear();
    catalog_shard = nullptr;
    sweeper_handle = nullptr;
  }

  template <class Handle>
  Handle keep(Handle h) {
    running.push_back(caf::actor_cast<caf::actor>(h));
    return h;
  }

  void start(const config::settings& settings) {
    writer_handle = keep(system.spawn<caf::detached>(writer, shared));
    shards.resize(store.identity().shards);
    // In a cluster they come when this node serves them.
    if (!membership) {
      for (std::uint16_t s = 0; s < store.identity().shards; ++s)
        shards[s] = keep(system.spawn(shard, shared, domain::shard_id{s}, writer_handle, into(writer_handle)));
      catalog_shard = keep(system.spawn(shard, shared, domain::system_shard, writer_handle, into(writer_handle)));
    }
    for (std::size_t i = 0; i < threads; ++i) {
      // The engine needs its desk and the desk its engine, which is there before the first job.
      auto engine = std::make_shared<std::weak_ptr<net::delivery_engine>>();
      auto desk = std::make_shared<delivery_desk>(shared->slots, [engine](job_vector jobs) {
        if (const auto alive = engine->lock())
          alive->submit(std::move(jobs));
      });
      engines.push_back(std::make_shared<net::delivery_engine>(
          engine_settings(settings), shared->policy(),
          [desk](outcome_vector outcomes) { return desk->ended(std::move(outcomes), domain::boot_clock::now()); }));
      *engine = engines.back();
      desks.push_back(desk);
      deliveries.push_back({keep(system.spawn(delivery, desk)), desk});
    }
    directory_handle =
        keep(system.spawn(directory, shared, directory_neighbours{shards, catalog_shard, deliveries}));
    for (std::size_t i = 0; i < threads; ++i) {
      ingresses.push_back(std::make_shared<ingress>(shared));
      keep(ingresses.back()->open(system, directory_handle));
    }
    sweeper_handle = keep(system.spawn(sweeper, shared, shards, catalog_shard, directory_handle));
    if (membership)
      membership->start(system, shared, writer_handle, directory_handle, sweeper_handle);
    else
      caf::anon_send(directory_handle, awaken_atom_v);
    register_gauges();
  }

  bool drain_accounts(std::chrono::milliseconds timeout) {
    bool drained = false;
    caf::scoped_actor self{system};
    self->request(directory_handle, timeout, drain_atom_v)
        .receive([&](bool done) { drained = done; },
                 [](const caf::error& e) {
                   config::log(config::log_level::warning, "not everything ended before the shutdown's timeout",
                               {{"error", caf::to_string(e)}});
                 });
    return drained;
  }

  /// One account always goes by the same ingress: its share of the credit is counted in one place.
  std::size_t ingress_of(domain::account_id account) const {
    return raw(account) / shards.size() % ingresses.size();
  }

  void register_gauges() {
    auto& m = shared->counts;
    m.gauge("carillon_store_used_bytes", "Room of the store that is used", "", "",
            [this] { return static_cast<double>(store.fill().used); });
    m.gauge("carillon_store_limit_bytes", "Room that the store has", "", "",
            [this] { return static_cast<double>(store.fill().limit); });
    m.gauge("carillon_connections", "Open connections", "side", "delivery", [this] {
      std::size_t sum = 0;
      for (const auto& e : engines)
        sum += e ? e->connections() : 0;
      return static_cast<double>(sum);
    });
  }

  storage::store store;
  services_ptr shared;
  std::size_t threads;
  std::unique_ptr<cluster> membership; ///< null: a node alone
  system_config system_settings;
  caf::actor_system system;
  std::vector<std::shared_ptr<net::delivery_engine>> engines;
  writer_actor writer_handle;
  std::vector<shard_actor> shards;
  shard_actor catalog_shard;
  std::vector<std::shared_ptr<delivery_desk>> desks; ///< by engine
  std::vector<engine_access> deliveries;
  directory_actor directory_handle;
  std::vector<std::shared_ptr<ingress>> ingresses;
  sweeper_actor sweeper_handle;
  std::vector<caf::actor> running;
};

node::node(std::shared_ptr<const config::settings> settings, crypto::key_ring keys,
           std::function<void(std::string)> fatal)
    : impl_{std::make_unique<impl>(std::move(settings), std::move(keys), std::move(fatal))} {}

node::~node() = default;

void node::ask(ask_list list) {
  std::vector<ask_list> by_ingress(impl_->ingresses.size());
  for (auto& one : list)
    by_ingress[impl_->ingress_of(one->account)].push_back(std::move(one));
  for (std::size_t i = 0; i < by_ingress.size(); ++i)
    if (!by_ingress[i].empty())
      impl_->ingresses[i]->take(std::move(by_ingress[i]));
}

namespace {

/// Asks the directory from outside of any actor; the callback comes from a helper actor, also when the
/// directory ends before it answers.
template <class Send>
void ask_directory(caf::actor_system& system, const directory_actor& to, node::catalog_callback done,
                   Send send) {
  system.spawn([to, done = std::move(done), send = std::move(send)](caf::event_based_actor* self) {
    auto once = std::make_shared<node::catalog_callback>(done);
    const auto finish = [self, once](catalog_reply r) {
      if (auto callback = std::exchange(*once, nullptr))
        callback(std::move(r));
      self->quit();
    };
    self->monitor(to);
    self->set_down_handler([finish](caf::down_msg&) {
      finish(account::request_error{503, "draining", "this node is shutting down", {}, 5});
    });
    send(self).then([finish](const catalog_reply_ptr& r) { finish(std::move(*r)); },
                    [finish](const caf::error& e) {
                      finish(account::request_error{503, "overloaded", caf::to_string(e), {}, 1});
                    });
  });
}

} // namespace

void node::change(catalog_request what, catalog_callback done) {
  ask_directory(impl_->system, impl_->directory_handle, std::move(done),
                [to = impl_->directory_handle, r = std::make_shared<catalog_request>(std::move(what))](
                    caf::event_based_actor* self) { return self->request(to, catalog_timeout, r); });
}

void node::release(bool send, std::vector<std::string> accounts, catalog_callback done) {
  ask_directory(
      impl_->system, impl_->directory_handle, std::move(done),
      [to = impl_->directory_handle, send, accounts = std::move(accounts)](caf::event_based_actor* self) {
        return self->request(to, catalog_timeout, release_atom_v, send, accounts);
      });
}

void node::reload(std::shared_ptr<const config::settings> settings) {
  auto policy = make_policy(*settings);
  for (auto& e : impl_->engines)
    e->reload(policy, settings->egress.ca_file);
  if (impl_->membership)
    impl_->membership->reload_certificates();
  impl_->shared->reload(std::move(settings), std::move(policy));
  caf::anon_send(impl_->directory_handle, reload_atom_v);
}

void node::replace_keys(const crypto::key_ring& keys) {
  impl_->shared->keys.replace(keys);
}

namespace {
/// What a peer may take to answer that it has passed its last request to a node that ends.
constexpr std::chrono::milliseconds goodbye_patience{2'000};
} // namespace

bool node::drain(std::chrono::milliseconds timeout) {
  const auto until = domain::boot_clock::now() + timeout;
  const auto left = [until] {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(until - domain::boot_clock::now());
    return std::max(rest, std::chrono::milliseconds{0});
  };
  bool orderly = true;
  // While its accounts go to other nodes what comes in waits, and afterwards it is passed on.
  const bool left_over = !impl_->membership || !impl_->membership->leave(impl_->system, left());
  if (left_over) {
    impl_->shared->draining = true;
    orderly = impl_->drain_accounts(left()) && !impl_->membership;
  }
  if (const auto view = cluster_state(); view && impl_->membership)
    impl_->membership->say_goodbye(impl_->system, *view, std::min(left(), goodbye_patience));
  for (const auto& desk : impl_->desks)
    orderly = desk->wait_until_idle(left()) && orderly;
  if (impl_->membership)
    orderly = impl_->membership->bring_outcomes(impl_->system, left()) && orderly;
  return orderly;
}

node::place node::where(domain::account_id account) const {
  return where(impl_->store.shard_of(account));
}

node::place node::where(domain::shard_id shard) const {
  const auto view = impl_->shared->cluster();
  if (!impl_->membership)
    return {};
  const auto* known = view ? view->of(shard) : nullptr;
  if (known == nullptr || known->at == 0)
    return {place::kind::nowhere, {}};
  if (known->value.primary == view->self)
    return {};
  if (!view->reachable.contains(known->value.primary))
    return {place::kind::nowhere, {}};
  return {place::kind::there, known->value.primary};
}

void node::forward(std::string to, std::string request, std::chrono::milliseconds timeout,
                   std::function<void(std::optional<std::string>, bool)> done) {
  auto what = std::make_shared<forward_ask>();
  what->request = std::move(request);
  what->timeout = timeout;
  what->done = std::move(done);
  caf::anon_send(impl_->membership->forwarder(), forward_atom_v, std::move(to), std::move(what));
}

void node::answer_forwarded_by(std::function<void(std::string, std::function<void(std::string)>)> how) {
  impl_->shared->answer_forwarded_by(std::move(how));
}

std::uint64_t node::catalog_changes() const {
  return impl_->shared->catalog_changes;
}

bool node::catalog_is_current() const {
  return !impl_->membership || impl_->shared->catalog_is_current();
}

std::uint64_t node::catalog_applied() const {
  return impl_->shared->catalog_applied;
}

cluster_view_ptr node::cluster_state() const {
  return impl_->shared->cluster();
}

void node::ask_lag(cluster_view_ptr view, std::function<void(lag_report)> done) {
  survey_lag(impl_->system, std::move(view), impl_->membership->entry(), std::move(done));
}

bool node::clustered() const {
  return impl_->membership != nullptr;
}

const storage::store& node::store() const {
  return impl_->store;
}
storage::catalog node::catalog() const {
  return storage::catalog{impl_->store};
}
std::shared_ptr<const config::settings> node::settings() const {
  return impl_->shared->config();
}
std::shared_ptr<const net::egress_policy> node::egress() const {
  return impl_->shared->policy();
}
metrics& node::counts() {
  return impl_->shared->counts;
}
bool node::draining() const {
  return impl_->shared->draining;
}
bool node::held() const {
  return impl_->shared->held;
}

void node::backup(const std::string& directory) {
  storage::back_up(impl_->store, directory);
}

} // namespace carillon::actors
