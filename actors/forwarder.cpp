#include "actors/forwarder.hpp"

#include <utility>

namespace carillon::actors {

void forwarder_state::forward(const std::string& to, const forward_ask_ptr& what) {
  const auto it = peers.find(to);
  if (it == peers.end() || it->second.ending)
    return what->done(std::nullopt, false);
  auto message = what, pending = what;
  if (!it->second.window.offer(std::move(message), std::move(pending), what->request.size()))
    return what->done(std::nullopt, false);
  go_on(to);
}

void forwarder_state::go_on(const std::string& to) {
  auto& p = peers.at(to);
  while (auto next = p.window.next()) {
    const auto ticket = next->ticket;
    const auto answered = [this, to, ticket, entry = p.entry](std::optional<std::string> response) {
      const auto it = peers.find(to);
      if (it == peers.end() || it->second.entry != entry)
        return; // it went, and was told so
      if (const auto asked = it->second.window.answered(ticket))
        (*asked)->done(std::move(response), true);
      go_on(to);
    };
    self->request(p.entry, next->message->timeout, forward_atom_v, std::move(next->message->request))
        .then([answered](std::string& response) { answered(std::move(response)); },
              [answered](const caf::error&) { answered(std::nullopt); });
  }
  if (p.window.unanswered() == 0)
    for (auto& asked : std::exchange(p.until_answered, {}))
      asked.deliver(true);
}

caf::result<bool> forwarder_state::ends(const std::string& who) {
  const auto it = peers.find(who);
  if (it == peers.end())
    return true;
  it->second.ending = true;
  it->second.until_answered.push_back(self->make_response_promise<bool>());
  auto answered = it->second.until_answered.back();
  go_on(who);
  return answered;
}

void forwarder_state::changed(cluster_view_ptr now) {
  view = std::move(now);
  for (auto it = peers.begin(); it != peers.end();) {
    const auto link = view->reachable.find(it->first);
    if (link != view->reachable.end() && link->second == it->second.entry) {
      ++it;
      continue;
    }
    const auto sent = it->second.window.unanswered();
    const auto lost = it->second.window.clear();
    it = peers.erase(it);
    for (std::size_t i = 0; i < lost.size(); ++i)
      lost[i]->done(std::nullopt, i < sent);
  }
  for (const auto& [who, link] : view->reachable)
    peers[who].entry = link;
}

forwarder_actor::behavior_type forwarder(forwarder_actor::stateful_pointer<forwarder_state> self) {
  return {
      [self](forward_atom, const std::string& to, const forward_ask_ptr& what) { self->state.forward(to, what); },
      [self](leave_atom, const std::string& who) { return self->state.ends(who); },
      [self](cluster_view_ptr& now) { self->state.changed(std::move(now)); },
  };
}

} // namespace carillon::actors
