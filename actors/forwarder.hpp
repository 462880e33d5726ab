#pragma once

#include "actors/cluster_view.hpp"
#include "actors/credit_window.hpp"
#include "actors/interfaces.hpp"
#include "actors/peer_mail.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace carillon::actors {

/// Brings requests to the nodes that serve them, within a window of credit per peer; a peer that goes fails
/// all that it was asked at once.
struct forwarder_state {
  explicit forwarder_state(forwarder_actor::pointer actor) : self{actor} {}

  void forward(const std::string& to, const forward_ask_ptr& what);
  void answered(std::uint64_t link, std::uint64_t ticket, std::string answer);
  void changed(cluster_view_ptr now);
  void give_up_late();
  caf::result<bool> ends(const std::string& who);

  struct kept_ask {
    forward_ask_ptr what;
    std::chrono::steady_clock::time_point until; ///< for the answer
  };
  struct peer {
    std::uint64_t link = 0;
    credit_window<forward_ask_ptr, kept_ask> window;
    bool ending = false; ///< asked nothing more
    std::vector<caf::typed_response_promise<bool>> until_answered;
  };
  void go_on(peer& with);
  void look_again();

  forwarder_actor::pointer self;
  link_sender send;
  std::map<std::string, peer> peers;
  bool looks = false; ///< for what is late, before long

  static inline const char* name = "forwarder";
};

forwarder_actor::behavior_type forwarder(forwarder_actor::stateful_pointer<forwarder_state> self, link_sender send);

} // namespace carillon::actors
