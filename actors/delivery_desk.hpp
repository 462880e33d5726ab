#pragma once

#include "actors/interfaces.hpp"
#include "net/slot_pool.hpp"

#include <chrono>
#include <condition_variable>
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
  /// Has one account's POSTs made; their outcomes go to `owner`, or to whoever owns the account after it.
  virtual void submit(job_vector jobs, const outcome_taker& owner) = 0;
  /// `by` owns the account no more: these outcomes, which it has not written down, and those of POSTs under way
  /// wait for the next owner, unless there is one already. Null: these came for whoever owns it next.
  virtual void leave_behind(domain::account_id account, const outcome_taker& by, outcome_vector unsaid) = 0;
};

/// The desk of one engine: knows which account an outcome belongs to, gives the node's slots back, and tells
/// who waits for one. All calls from any thread.
class delivery_desk final : public job_desk {
public:
  using engine = std::function<void(job_vector)>;

  /// `slots` outlives the desk; `make` has POSTs made and must not call back before it returns.
  delivery_desk(net::slot_pool& slots, engine make) : slots_{slots}, make_{std::move(make)} {}

  void submit(job_vector jobs, const outcome_taker& owner) override;
  void leave_behind(domain::account_id account, const outcome_taker& by, outcome_vector unsaid) override;

  /// What ended in one turn of the engine's loop. An account hears of its POSTs when the last of those under
  /// way has ended, or when `longest_gathering` has passed since the first: they were sent together and mostly
  /// end together, and each message costs a turn and a commit. Returns whether something is kept back; to be
  /// called again then after that time, though nothing may have ended.
  bool ended(outcome_vector outcomes, domain::boot_time now);

  /// How long an outcome may wait for others, at most. Small beside any POST that leaves the machine.
  static constexpr std::chrono::milliseconds longest_gathering{1};

  /// Has `who` told when slots are free, or at once if some are.
  void wait_for_slots(account_actor who);

  /// The account has another owner now: outcomes go to it from here on, also those that were left behind. Returns
  /// what is under way, or told now. All that ended else is in the mailbox of the owner that was known until now.
  std::vector<std::uint64_t> resume(domain::account_id account, const outcome_taker& owner);

  /// How long outcomes that were left behind wait for an owner, once the last POST has ended.
  static constexpr std::chrono::seconds longest_left_behind{60};

  /// Waits, at most so long, until no POST is under way and all outcomes are told. Returns whether that is so.
  bool wait_until_idle(std::chrono::milliseconds timeout);

private:
  struct account_entry {
    outcome_taker owner;                  ///< null: left behind
    std::vector<std::uint64_t> in_flight; ///< tokens; few, and those that were sent first end first
    outcome_vector ended;                 ///< not told yet
    domain::boot_time ended_at{};         ///< of the first of them; left behind: of the last
  };
  using account_map = std::unordered_map<std::uint64_t, account_entry>;
  struct gathering {
    domain::boot_time since{};
    std::uint64_t account = 0;
  };

  void tell(std::uint64_t account);
  void forget_left_behind(domain::boot_time now);

  net::slot_pool& slots_;
  const engine make_;
  std::mutex guard_;
  std::condition_variable idle_;
  account_map accounts_;         ///< those with jobs in this engine
  std::size_t left_behind_ = 0;  ///< of those, the ones without an owner
  std::deque<gathering> gathering_; ///< accounts that were not told yet, the longest first; some were, since
  std::deque<account_actor> hungry_;                          ///< wait for slots, in the order they asked
};

} // namespace carillon::actors
