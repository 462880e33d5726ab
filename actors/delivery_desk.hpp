#pragma once

#include "actors/interfaces.hpp"
#include "net/slot_pool.hpp"

#include <chrono>
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

  /// What ended in one turn of the engine's loop. An account hears of its POSTs when the last of those under
  /// way has ended, or when `longest_gathering` has passed since the first: they were sent together and mostly
  /// end together, and each message costs a turn and a commit. Returns whether something is kept back; to be
  /// called again then after that time, though nothing may have ended.
  bool ended(outcome_vector outcomes, domain::boot_time now);

  /// How long an outcome may wait for others, at most. Small beside any POST that leaves the machine.
  static constexpr std::chrono::milliseconds longest_gathering{1};

  /// Has `who` told when slots are free, or at once if some are.
  void wait_for_slots(account_actor who);

  /// The account has another actor now: outcomes go to it from here on. Returns what is under way. All that
  /// ended before is in the mailbox of the actor that was known until now.
  std::vector<std::uint64_t> resume(domain::account_id account, const account_actor& owner);

private:
  struct account_entry {
    account_actor actor;
    std::vector<std::uint64_t> in_flight; ///< tokens; few, and those that were sent first end first
    outcome_vector ended;                 ///< not told yet
    domain::boot_time ended_at{};         ///< of the first of them
  };
  struct gathering {
    domain::boot_time since{};
    std::uint64_t account = 0;
  };

  void tell(std::uint64_t account);

  net::slot_pool& slots_;
  const engine make_;
  std::mutex guard_;
  std::unordered_map<std::uint64_t, account_entry> accounts_; ///< those with jobs in this engine
  std::deque<gathering> gathering_; ///< accounts that were not told yet, the longest first; some were, since
  std::deque<account_actor> hungry_;                          ///< wait for slots, in the order they asked
};

} // namespace carillon::actors
