#include "actors/forwarder.hpp"

#include "actors/peer_message.hpp"

#include <algorithm>
#include <utility>

namespace carillon::actors {

namespace {

/// Between two looks for what is late: so much longer than asked for something may wait.
constexpr std::chrono::seconds look_interval{1};

} // namespace

void forwarder_state::forward(const std::string& to, const forward_ask_ptr& what) {
  const auto it = peers.find(to);
  if (it == peers.end() || it->second.ending)
    return what->done(std::nullopt, false);
  auto message = what;
  if (!it->second.window.offer(std::move(message), kept_ask{what, self->clock().now() + what->timeout}, what->request.size()))
    return what->done(std::nullopt, false);
  go_on(it->second);
}

void forwarder_state::go_on(peer& with) {
  while (auto next = with.window.next()) {
    const auto& what = *next->message;
    if (send(with.link, encode(request_passed_on{next->ticket, what.request})))
      look_again();
    else if (const auto none = with.window.answered(next->ticket))
      none->what->done(std::nullopt, false);
  }
  if (with.window.unanswered() == 0)
    for (auto& asked : std::exchange(with.until_answered, {}))
      asked.deliver(true);
}

void forwarder_state::answered(std::uint64_t link, std::uint64_t ticket, std::string answer) {
  const auto it = std::find_if(peers.begin(), peers.end(), [&](const auto& p) { return p.second.link == link; });
  if (it == peers.end())
    return; // it went, and who asked was told so
  if (const auto asked = it->second.window.answered(ticket))
    asked->what->done(std::move(answer), true);
  go_on(it->second);
}

void forwarder_state::look_again() {
  if (!std::exchange(looks, true))
    self->delayed_send(self, look_interval, tick_atom_v);
}

void forwarder_state::give_up_late() {
  looks = false;
  const auto now = self->clock().now();
  for (auto& [who, p] : peers) {
    for (const auto& late : p.window.give_up([now](const kept_ask& one) { return one.until <= now; }))
      late.what->done(std::nullopt, true);
    go_on(p);
    if (p.window.unanswered() > 0)
      look_again();
  }
}

caf::result<bool> forwarder_state::ends(const std::string& who) {
  const auto it = peers.find(who);
  if (it == peers.end())
    return true;
  it->second.ending = true;
  it->second.until_answered.push_back(self->make_response_promise<bool>());
  auto answered = it->second.until_answered.back();
  go_on(it->second);
  return answered;
}

void forwarder_state::changed(cluster_view_ptr now) {
  for (auto it = peers.begin(); it != peers.end();) {
    const auto there = now->reachable.find(it->first);
    if (there != now->reachable.end() && there->second.link == it->second.link) {
      ++it;
      continue;
    }
    const auto sent = it->second.window.unanswered();
    const auto lost = it->second.window.clear();
    it = peers.erase(it);
    for (std::size_t i = 0; i < lost.size(); ++i)
      lost[i].what->done(std::nullopt, i < sent);
  }
  for (const auto& [who, there] : now->reachable)
    peers[who].link = there.link;
}

forwarder_actor::behavior_type forwarder(forwarder_actor::stateful_pointer<forwarder_state> self, link_sender send) {
  self->state.send = std::move(send);
  return {
      [self](forward_atom, const std::string& to, const forward_ask_ptr& what) { self->state.forward(to, what); },
      [self](forward_atom, std::uint64_t link, std::uint64_t ticket, std::string& answer) {
        self->state.answered(link, ticket, std::move(answer));
      },
      [self](tick_atom) { self->state.give_up_late(); },
      [self](leave_atom, const std::string& who) { return self->state.ends(who); },
      [self](cluster_view_ptr& now) { self->state.changed(std::move(now)); },
  };
}

} // namespace carillon::actors
