#include "actors/writer.hpp"

#include "config/fault_points.hpp"
#include "config/logging.hpp"

#include <utility>

namespace carillon::actors {

void writer_state::start(services_ptr services) {
  node = std::move(services);
  log.emplace(node->store);
  log->on_step([](std::string_view step) { config::fault_point(step); });
}

void writer_state::add(proposed_row row) {
  if (rows.empty())
    self->send(self, commit_atom_v);
  rows.push_back(std::move(row.what));
  waiting.push_back(std::move(row.done));
}

void writer_state::commit() {
  const auto group = std::exchange(rows, {});
  const auto hearers = std::exchange(waiting, {});
  std::vector<storage::row_result> results;
  const auto erasing = log->stats().erasing;
  try {
    results = log->commit(group);
  } catch (const std::exception& failure) {
    // Whether it is on disk is not known: nobody is answered, the process ends and the next start reads what
    // is there.
    node->fatal(failure.what());
    return;
  }
  std::size_t batches = 0;
  for (const auto& row : group)
    batches += row.batches.size();
  node->counts.committed(log->stats().last_seconds, batches);
  if (log->stats().erasing != erasing)
    node->counts.retention(log->stats().erasing - erasing);
  for (std::size_t i = 0; i < hearers.size(); ++i)
    hearers[i](results[i]);
}

writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, services_ptr node) {
  self->state.start(std::move(node));
  return {
      [self](proposed_row& row) { self->state.add(std::move(row)); },
      [self](commit_atom) { self->state.commit(); },
      [self](release_atom) {
        self->state.node->store.release();
        return true;
      },
  };
}

} // namespace carillon::actors
