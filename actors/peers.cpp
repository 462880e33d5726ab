#include "actors/peers.hpp"

#include "config/logging.hpp"

#include <caf/actor_cast.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <set>
#include <utility>

namespace carillon::actors {

namespace {

/// CAF finds a published actor by its port. A link has no port and exactly one actor at its end, so all go by
/// this number: CAF sets it and looks it up in the same step.
constexpr std::uint16_t no_port = 1;

/// One node to which a link is being opened, stands, or is being closed:
///
///     we dial ────▶ dialing ──▶ meeting ──▶ up ──▶ closing ──▶ gone
///     it dialed ───────────────────▲                 and a link that it opened meanwhile takes over
///
/// A link is over when CAF says so (DOWN), because what came before is delivered before; until then no newer
/// one of the same node is shown to CAF, which might take a restarted process for the one before.
struct peer {
  enum class phase : std::uint8_t { dialing, meeting, up, closing };
  phase at = phase::dialing;
  std::uint64_t link = 0;
  bool dialed = false;         ///< by us
  greeter_actor greeter;       ///< of a link that the peer opened
  caf::strong_actor_ptr entry; ///< of a link that was up
  std::string ended;           ///< why, as far as the links know
  link_ptr next;               ///< a newer link that the peer opened
};

greeter_actor::behavior_type greeter(greeter_actor::pointer self, peers_actor owner, std::uint64_t link) {
  return {[=](introduce_atom, caf::strong_actor_ptr& entry) {
    return self->delegate(owner, introduce_atom_v, link, std::move(entry));
  }};
}

struct peers_state {
  explicit peers_state(peers_actor::pointer actor) : self{actor} {}
  ~peers_state();
  void start(peers_setup given);

  void dial(const std::string& node, std::string address);
  void hang_up(const std::string& node);
  void link_stands(const link_ptr& link);
  void link_failed(const std::string& node, const std::string& why, bool soon);
  void link_ended(std::uint64_t link, const std::string& reason);
  void host(const link_ptr& link);
  void meet(const link_ptr& link);
  void introduce_to(const std::string& node, std::uint64_t link, const caf::strong_actor_ptr& met);
  caf::result<caf::strong_actor_ptr> introduced(std::uint64_t link, caf::strong_actor_ptr entry);
  void up(const std::string& node, peer& to, caf::strong_actor_ptr entry);
  void down(const caf::down_msg& message);
  void gone(const std::string& node, const std::string& reason);

  caf::io::scribe_ptr scribe_of(const link_ptr& link);
  peer* meeting(const std::string& node, std::uint64_t link);

  peers_actor::pointer self;
  peers_setup setup;
  caf::actor basp;
  std::map<std::string, peer> peers; ///< by node

  static inline const char* name = "peers";
};

peers_state::~peers_state() {
  if (setup.links)
    setup.links->stop();
  for (auto& [node, one] : peers)
    caf::anon_send_exit(one.greeter, caf::exit_reason::user_shutdown);
}

void peers_state::start(peers_setup given) {
  setup = std::move(given);
  // The middleman made this broker when it started; the call only looks it up.
  basp = self->system().middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  self->set_down_handler([this](caf::down_msg& message) { down(message); });
  const peers_actor me = self;
  setup.links->start({
      [own = setup.self, known = setup.known](const net::link_hello& other) {
        return dials(other.node, own) && known(other);
      },
      [me](net::node_link link) { caf::anon_send(me, std::make_shared<net::node_link>(std::move(link))); },
      [me](std::uint64_t link, std::string reason) {
        caf::anon_send(me, link_ended_atom_v, link, std::move(reason));
      },
      setup.mail,
  });
}

void peers_state::dial(const std::string& node, std::string address) {
  if (peers.contains(node))
    return;
  const peers_actor me = self;
  auto& to = peers[node];
  to.dialed = true;
  to.link = setup.links->connect(std::move(address), node, [me, node](auto result) {
    if (auto* link = std::get_if<net::node_link>(&result))
      caf::anon_send(me, std::make_shared<net::node_link>(std::move(*link)));
    else if (auto* failure = std::get_if<net::link_failure>(&result))
      caf::anon_send(me, link_failed_atom_v, node, failure->detail, failure->retryable());
  });
}

void peers_state::hang_up(const std::string& node) {
  const auto found = peers.find(node);
  if (found == peers.end())
    return;
  auto& to = found->second;
  to.next.reset();
  if (to.at == peer::phase::meeting) {
    gone(node, "closed by this node");
    return;
  }
  // What was opened, or still is, says itself when it is over.
  to.at = peer::phase::closing;
  setup.links->close(to.link);
}

void peers_state::link_stands(const link_ptr& link) {
  const auto node = link->peer.node;
  const auto found = peers.find(node);
  if (found == peers.end()) {
    host(link);
    return;
  }
  auto& to = found->second;
  if (to.link == link->id) {
    if (to.at == peer::phase::dialing)
      meet(link);
    else
      gone(node, "closed by this node");
    return;
  }
  const auto before = to.at;
  to.next = link;
  if (before == peer::phase::meeting) {
    gone(node, "the peer opened a newer link");
  } else if (before == peer::phase::up) {
    to.at = peer::phase::closing;
    to.ended = "the peer opened a newer link";
    setup.links->close(to.link);
  }
}

void peers_state::link_failed(const std::string& node, const std::string& why, bool soon) {
  peers.erase(node);
  self->send(setup.watcher, link_failed_atom_v, node, why, soon);
}

void peers_state::link_ended(std::uint64_t link, const std::string& reason) {
  for (auto& [node, to] : peers) {
    if (to.next && to.next->id == link) {
      to.next.reset();
      return;
    }
    if (to.link != link)
      continue;
    if (to.ended.empty())
      to.ended = reason;
    if (to.at == peer::phase::meeting)
      gone(std::string{node}, reason);
    return; // else its DOWN is on the way
  }
}

caf::io::scribe_ptr peers_state::scribe_of(const link_ptr& link) {
  return self->system().middleman().backend().new_scribe(link->tunnel.release());
}

peer* peers_state::meeting(const std::string& node, std::uint64_t link) {
  const auto found = peers.find(node);
  const bool current =
      found != peers.end() && found->second.link == link && found->second.at == peer::phase::meeting;
  return current ? &found->second : nullptr;
}

void peers_state::host(const link_ptr& link) {
  auto& to = peers[link->peer.node];
  to.at = peer::phase::meeting;
  to.link = link->id;
  to.greeter = self->spawn(greeter, peers_actor{self}, link->id);
  // What CAF's broker does for an accepted connection, but for a socket that it gets handed: nobody else can
  // open one to it.
  caf::anon_send(basp, caf::publish_atom_v, scribe_of(link), no_port,
                 caf::actor_cast<caf::strong_actor_ptr>(to.greeter), std::set<std::string>{});
}

void peers_state::meet(const link_ptr& link) {
  const auto node = link->peer.node;
  const auto id = link->id;
  peers[node].at = peer::phase::meeting;
  self->request(basp, introduction_timeout, caf::connect_atom_v, scribe_of(link), no_port)
      .then(
          [this, node, id](const caf::node_id&, const caf::strong_actor_ptr& met, const std::set<std::string>&) {
            introduce_to(node, id, met);
          },
          [this, node, id](const caf::error& error) {
            if (meeting(node, id) != nullptr)
              gone(node, caf::to_string(error));
          });
}

void peers_state::introduce_to(const std::string& node, std::uint64_t link, const caf::strong_actor_ptr& met) {
  if (meeting(node, link) == nullptr)
    return;
  if (!met) {
    gone(node, "the peer shows no actor");
    return;
  }
  self->request(caf::actor_cast<greeter_actor>(met), introduction_timeout, introduce_atom_v, setup.entry)
      .then(
          [this, node, link](const caf::strong_actor_ptr& entry) {
            if (auto* to = meeting(node, link))
              up(node, *to, entry);
          },
          [this, node, link](const caf::error& error) {
            if (meeting(node, link) != nullptr)
              gone(node, caf::to_string(error));
          });
}

caf::result<caf::strong_actor_ptr> peers_state::introduced(std::uint64_t link, caf::strong_actor_ptr entry) {
  for (auto& [node, to] : peers)
    if (to.link == link && to.at == peer::phase::meeting && entry) {
      up(node, to, std::move(entry));
      return setup.entry;
    }
  return caf::make_error(caf::sec::invalid_argument);
}

void peers_state::up(const std::string& node, peer& to, caf::strong_actor_ptr entry) {
  to.at = peer::phase::up;
  to.entry = std::move(entry);
  self->monitor(to.entry);
  self->send(setup.watcher, peer_up_atom_v, node, to.link, to.entry);
}

void peers_state::down(const caf::down_msg& message) {
  for (auto& [node, to] : peers)
    if (to.entry && to.entry->address() == message.source) {
      gone(std::string{node}, to.ended.empty() ? caf::to_string(message.reason) : std::string{to.ended});
      return;
    }
}

void peers_state::gone(const std::string& node, const std::string& reason) {
  const auto was = std::move(peers[node]);
  peers.erase(node);
  setup.links->close(was.link);
  caf::anon_send_exit(was.greeter, caf::exit_reason::user_shutdown);
  if (was.entry)
    self->send(setup.watcher, peer_down_atom_v, node, was.link, reason);
  else if (was.dialed)
    self->send(setup.watcher, link_failed_atom_v, node, reason, true);
  else
    config::log(config::log_level::warning, "a peer didn't introduce itself", {{"node", node}, {"reason", reason}});
  if (was.next)
    host(was.next);
}

peers_actor::behavior_type peers_behavior(peers_actor::stateful_pointer<peers_state> self, peers_setup setup) {
  self->state.start(std::move(setup));
  return {
      [self](dial_atom, const std::string& node, std::string& address) {
        self->state.dial(node, std::move(address));
      },
      [self](hang_up_atom, const std::string& node) { self->state.hang_up(node); },
      [self](const link_ptr& link) { self->state.link_stands(link); },
      [self](link_failed_atom, const std::string& node, const std::string& why, bool soon) {
        self->state.link_failed(node, why, soon);
      },
      [self](link_ended_atom, std::uint64_t link, const std::string& reason) {
        self->state.link_ended(link, reason);
      },
      [self](introduce_atom, std::uint64_t link, caf::strong_actor_ptr& entry) {
        return self->state.introduced(link, std::move(entry));
      },
  };
}

} // namespace

void add_peer_support(caf::actor_system_config& settings) {
  settings.load<caf::io::middleman>();
  settings.set("middleman.heartbeat-interval", caf::timespan{peer_heartbeat});
  settings.set("middleman.connection-timeout", caf::timespan{peer_timeout});
}

peers_actor spawn_peers(caf::actor_system& system, peers_setup setup) {
  return system.spawn(peers_behavior, std::move(setup));
}

} // namespace carillon::actors
