#pragma once

#include "actors/cluster_view.hpp"
#include "actors/credit_window.hpp"
#include "actors/interfaces.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace carillon::actors {

/// Brings requests to the nodes that serve them, within a window of credit per peer; a peer that goes fails
/// all that it was asked at once.
struct forwarder_state {
  explicit forwarder_state(forwarder_actor::pointer actor) : self{actor} {}

  void forward(const std::string& to, const forward_ask_ptr& what);
  void changed(cluster_view_ptr now);
  void go_on(const std::string& to);
  caf::result<bool> ends(const std::string& who);

  forwarder_actor::pointer self;
  cluster_view_ptr view;
  struct peer {
    entry_actor entry;
    credit_window<forward_ask_ptr, forward_ask_ptr> window;
    bool ending = false; ///< asked nothing more
    std::vector<caf::typed_response_promise<bool>> until_answered;
  };
  std::map<std::string, peer> peers;

  static inline const char* name = "forwarder";
};

forwarder_actor::behavior_type forwarder(forwarder_actor::stateful_pointer<forwarder_state> self);

} // namespace carillon::actors
