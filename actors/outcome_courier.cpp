#include "actors/outcome_courier.hpp"

#include "actors/cluster_view.hpp"
#include "actors/outcome_codec.hpp"

#include <chrono>
#include <utility>

namespace carillon::actors {

namespace {
/// What a node that is reached may take to answer that it has the outcomes.
constexpr std::chrono::seconds arrival_patience{10};
} // namespace

caf::result<std::string> outcome_courier_state::resume(const std::string& heir, domain::account_id account) {
  auto answer = self->make_response_promise<std::string>();
  // Known before the desk is asked: what it tells comes here, sooner than its answer.
  heirs[raw(account)] = heir;
  self->request(directory, caf::infinite, resume_atom_v, account, outcome_taker{courier_actor{self}})
      .then(
          [this, answer, account](const std::vector<std::uint64_t>& tokens) mutable {
            if (tokens.empty())
              heirs.erase(raw(account)); // nothing comes
            answer.deliver(encode_tokens(tokens));
          },
          [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
  return answer;
}

/// An heir that isn't reached has given these up.
void outcome_courier_state::take(const outcome_vector& outcomes) {
  if (outcomes.empty())
    return;
  const auto account = outcomes.front().owner;
  const auto view = node->cluster();
  const auto heir = view->reachable.find(heirs[account]);
  if (heir == view->reachable.end())
    return;
  ++on_their_way;
  self->request(heir->second.entry, arrival_patience, resume_atom_v, account,
                encode_outcomes(outcomes, domain::boot_clock::now()))
      .then([this](bool) { arrived(); }, [this](const caf::error&) { arrived(); });
}

void outcome_courier_state::arrived() {
  if (--on_their_way == 0)
    for (auto& d : std::exchange(drains, {}))
      d.deliver(true);
}

caf::result<bool> outcome_courier_state::drain() {
  if (on_their_way == 0)
    return true;
  drains.push_back(self->make_response_promise<bool>());
  return drains.back();
}

courier_actor::behavior_type outcome_courier(courier_actor::stateful_pointer<outcome_courier_state> self,
                                             services_ptr node, directory_actor directory) {
  self->state.node = std::move(node);
  self->state.directory = std::move(directory);
  return {
      [self](const outcome_vector& outcomes) { self->state.take(outcomes); },
      [self](resume_atom, const std::string& heir, domain::account_id account) {
        return self->state.resume(heir, account);
      },
      [self](drain_atom) { return self->state.drain(); },
  };
}

} // namespace carillon::actors
