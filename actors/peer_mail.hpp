#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::actors {

class replica_seat; // replica_seat.hpp

/// Sends a message (`actors/peer_message.hpp`) over a link; false when it goes nowhere. Thread-safe.
using link_sender = std::function<bool(std::uint64_t link, std::string message)>;

/// Takes what peers say beside CAF to whom it is for: replicas' words to replicas, requests to the API, answers to
/// FORWARDER. On the links' thread: passes on and does nothing else.
class peer_mail {
public:
  struct receivers {
    std::vector<std::shared_ptr<replica_seat>> replicas; ///< by shard
    std::shared_ptr<replica_seat> system;
    forwarder_actor forwarder;
  };

  peer_mail(services_ptr node, receivers to, link_sender send);

  /// As `net::node_link_events::received`.
  void take(const std::string& from, std::uint64_t link, const std::string& message) const;

private:
  void note_clock(const domain::foreign_clocks::boot_id& boot, domain::boot_time theirs) const;

  services_ptr node_;
  receivers to_;
  link_sender send_;
};

} // namespace carillon::actors
