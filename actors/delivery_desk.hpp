#pragma once

#include "actors/interfaces.hpp"
#include "net/slot_pool.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace carillon::actors {

/// Where accounts hand in their POSTs. Thread-safe; a call costs no message, and the outcomes come back as
/// one message per account and turn of the engine.
class job_desk {
public:
  virtual ~job_desk() = default;
  /// Has one account's POSTs made; their outcomes go to `owner`, or to the account's actor after it.
  virtual void submit(job_vector jobs, const account_actor& owner) = 0;
};

/// The desk of one engine: knows which account an outcome belongs to, gives the node's slots back, and tells
/// who waits for one. All calls from any thread.
class delivery_desk final : public job_desk {
public:
  using engine = std::function<void(job_vector)>;

  /// `slots` outlives the desk; `make` has POSTs made and must not call back before it returns.
  delivery_desk(net::slot_pool& slots, engine make) : slots_{slots}, make_{std::move(make)} {}

  void submit(job_vector jobs, const account_actor& owner) override;

  /// What ended in one turn of the engine's loop.
  void ended(outcome_vector outcomes);

  /// Has `who` told when slots are free, or at once if some are.
  void wait_for_slots(account_actor who);

  /// The account has another actor now: outcomes go to it from here on. Returns what is under way. All that
  /// ended before is in the mailbox of the actor that was known until now.
  std::vector<std::uint64_t> resume(domain::account_id account, const account_actor& owner);

private:
  struct account_entry {
    account_actor actor;
    std::vector<std::uint64_t> in_flight; ///< tokens; few, and those that were sent first end first
    outcome_vector ended;                 ///< of this call
  };

  net::slot_pool& slots_;
  const engine make_;
  std::mutex guard_;
  std::unordered_map<std::uint64_t, account_entry> accounts_; ///< those with jobs in this engine
  std::vector<std::uint64_t> told_;                           ///< accounts that get outcomes in this call
  std::deque<account_actor> hungry_;                          ///< wait for slots, in the order they asked
};

} // namespace carillon::actors
