#pragma once

#include "actors/job_queue.hpp"

#include <caf/policy/unprofiled.hpp>
#include <caf/resumable.hpp>

#include <set> // which the next one lacks

#include <caf/scheduler/coordinator.hpp>

namespace carillon::actors {

/// Has CAF's workers take the actors that have something to do from one `job_queue`. CAF's own work sharing wakes a
/// worker for every such actor, its work stealing polls.
class job_queue_policy : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}
    job_queue<caf::resumable*> jobs; ///< an actor is there once at most, so that they are its bound
  };
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    d(self).jobs.put(job);
  }
  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  /// It has had its share of messages: to the end of the line.
  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return d(self->parent()).jobs.take();
  }

  template <class Worker, class Visit>
  void foreach_resumable(Worker*, Visit) {}
  template <class Coordinator, class Visit>
  void foreach_central_resumable(Coordinator* self, Visit visit) {
    for (auto* job : d(self).jobs.rest())
      visit(job);
  }
};

/// To be loaded as a module: then CAF makes no scheduler of its own.
using actor_scheduler = caf::scheduler::coordinator<job_queue_policy>;

} // namespace carillon::actors
