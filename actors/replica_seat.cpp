#include "actors/replica_seat.hpp"

#include <caf/send.hpp>

#include <utility>

namespace carillon::actors {

std::shared_ptr<replica_seat> replica_seat::make(services_ptr node, replica_neighbours around) {
  std::shared_ptr<replica_seat> seat{new replica_seat};
  seat->node_ = node;
  seat->replica_ = std::make_unique<replica_state>(std::move(node), std::move(around), seat);
  return seat;
}

void replica_seat::run(std::function<void(replica_state&)> what) {
  turns_.run([me = shared_from_this(), what = std::move(what)] {
    if (!me->replica_)
      return;
    try {
      what(*me->replica_);
    } catch (const std::exception& e) {
      me->node_->fatal(e.what());
    }
  });
}

void replica_seat::take_row(proposed_row row) {
  // A function that is kept must be copyable; it is called once.
  run([row = std::make_shared<proposed_row>(std::move(row))](replica_state& r) { r.take_row(std::move(*row)); });
}

void replica_seat::heard(std::string from, std::string bytes) {
  run([from = std::move(from), bytes = std::move(bytes)](replica_state& r) { r.heard(from, bytes); });
}

void replica_seat::written(storage::batch_result fared) {
  run([fared = std::move(fared)](replica_state& r) { r.written(fared); });
}

void replica_seat::attach(replica_actor front) {
  run([front = std::move(front)](replica_state& r) { r.front = front; });
}

void replica_seat::detach() {
  turns_.run([me = shared_from_this()] {
    if (const auto last = std::exchange(me->replica_, nullptr))
      last->end();
  });
}

replica_front::~replica_front() {
  seat->detach();
}

void replica_front::close_accounts(std::int64_t handover) {
  const auto closed = [this, handover](bool all) {
    seat->run([handover, all](replica_state& r) { r.accounts_closed(handover, all); });
  };
  self->request(directory, close_patience, close_atom_v, shard)
      .then([closed](bool) { closed(true); }, [closed](const caf::error&) { closed(false); });
}

replica_actor::behavior_type replica(replica_actor::stateful_pointer<replica_front> self,
                                     std::shared_ptr<replica_seat> seat, domain::shard_id shard,
                                     directory_actor directory) {
  auto& front = self->state;
  front.seat = std::move(seat);
  front.directory = std::move(directory);
  front.shard = shard;
  const auto run = [self](auto what) { self->state.seat->run(std::move(what)); };
  return {
      [=](const cluster_view_ptr& now) { run([now](replica_state& r) { r.changed(now); }); },
      [=](const configuration_news& news) { run([news](replica_state& r) { r.told(news); }); },
      [=](swapped_atom) { run([](replica_state& r) { r.swapped(); }); },
      [=](commit_atom) { run([](replica_state& r) { r.write_next(); }); },
      [=](tick_atom) { run([](replica_state& r) { r.tick(); }); },
      [=](wake_atom) { run([](replica_state& r) { r.look_again(); }); },
      [=](close_atom, std::int64_t handover) { self->state.close_accounts(handover); },
      [=](leave_atom) {
        auto& asked = self->state.leave_asked.emplace_back(self->make_response_promise<bool>());
        run([](replica_state& r) { r.leave(); });
        return asked;
      },
      [=](left_atom, bool orderly) {
        for (auto& asked : std::exchange(self->state.leave_asked, {}))
          asked.deliver(orderly);
      },
      [=](lag_atom) {
        auto& asked = self->state.lag_asked.emplace_back(self->make_response_promise<shard_lag_ptr>());
        run([me = replica_actor{self}](replica_state& r) { caf::anon_send(me, r.lag()); });
        return asked;
      },
      [=](const shard_lag_ptr& told) {
        for (auto& asked : std::exchange(self->state.lag_asked, {}))
          asked.deliver(told);
      },
  };
}

} // namespace carillon::actors
