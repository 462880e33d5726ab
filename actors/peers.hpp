#pragma once

#include "actors/interfaces.hpp"
#include "net/node_link.hpp"

#include <caf/actor_system_config.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::actors {

/// Both the same on every node; the second at least three times the first.
inline constexpr std::chrono::milliseconds peer_heartbeat{500};
/// A peer that says nothing for so long is down.
inline constexpr std::chrono::milliseconds peer_timeout{2'000};
/// From a link's standing to the peer's entry actor: two answers over a link that was just seen to work.
inline constexpr std::chrono::milliseconds introduction_timeout{3'000};

/// Adds what a clustered node's actor system needs to its configuration: CAF's middleman, which listens
/// nowhere, and its heartbeats.
void add_peer_support(caf::actor_system_config& settings);

/// Which of two nodes opens the link between them: the one with the smaller id. There is one link a pair,
/// because CAF drops the second connection of a pair, and when both open one at a time, both.
inline bool dials(std::string_view self, std::string_view peer) { return self < peer; }

/// What PEERS needs.
struct peers_setup {
  std::shared_ptr<net::node_links> links; ///< not started
  std::string self;                       ///< this node's id
  /// What peers get to talk to; any actor.
  caf::strong_actor_ptr entry;
  peer_watcher_actor watcher;
  /// Whether the cluster knows this node at this host (as `net::node_link_events::expected`; the question who
  /// dials is already answered). Called on the links' thread; must not block.
  std::function<bool(const net::link_hello&)> known;
  /// Hears messages beside CAF, also before the watcher has heard of their peer; as
  /// `net::node_link_events::received`.
  std::function<void(const std::string& node, std::uint64_t link, std::string message)> mail{};
};

/// The actor; starts the links. When it ends, all links do.
peers_actor spawn_peers(caf::actor_system& system, peers_setup setup);

} // namespace carillon::actors
