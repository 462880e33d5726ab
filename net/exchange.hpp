#pragma once

#include "net/delivery_engine.hpp"
#include "net/timer_wheel.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace carillon::net {

class delivery_connection;
struct delivery_pool;

/// What went wrong with a POST.
struct delivery_failure {
  domain::failure_class what;
  std::string detail;
};

/// One job on its way through the engine; an entry in the timer wheel until its deadline.
///
/// Its name is being resolved, or it waits in a pool for a connection, or a connection has it.
class exchange final : public timer_entry {
public:
  class owner {
  public:
    virtual void on_deadline(exchange& late) = 0;

  protected:
    ~owner() = default;
  };

  exchange(owner& engine, delivery_job from) : job{std::move(from)}, engine_{engine} {}
  void on_due() override { engine_.on_deadline(*this); }

  delivery_job job;
  domain::delivery_result result;
  domain::boot_time phase_start{}; ///< of the phase that is under way
  std::uint64_t id = 0;            ///< names it while its name is being resolved, and anew while it waits
  delivery_pool* pool = nullptr;   ///< where it waits; null before and after
  /// Which has it; while it waits, which is being opened for it, if one is yet.
  delivery_connection* connection = nullptr;

private:
  owner& engine_;
};

} // namespace carillon::net
