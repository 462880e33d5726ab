#pragma once

#include "account/account.hpp"
#include "actors/delivery_desk.hpp"
#include "actors/interfaces.hpp"
#include "actors/request_answer.hpp"
#include "actors/services.hpp"
#include "actors/shard_log.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace carillon::actors {

inline account::moment now() {
  return {domain::boot_clock::now(), domain::wall_now()};
}

template <class T>
account::reply widen(std::variant<T, account::request_error> r) {
  return std::visit([](auto&& x) -> account::reply { return std::move(x); }, std::move(r));
}

/// Who an account actor talks to.
struct account_neighbours {
  domain::account_id id{};
  domain::shard_id number{};
  shard_actor shard;
  delivery_actor deliver;
  std::shared_ptr<job_desk> desk; ///< of the same engine
  directory_actor directory;
  /// The node that had the account's shard before, and may have POSTs of it under way; empty: none.
  std::string had_before;
};

/// Drives one `account::account`: takes what came in, has it decide, makes the batch durable, and only then
/// answers and hands out the POSTs.
///
///     loading --> idle --(requests, outcomes, a place frees)--> committing --(durable)--> idle
///                                                        \--(refused)--> loading, outcomes are kept
///     idle --(its shard is handed over)--> closed --(it is another node's)--> gone
///
/// What comes in while a batch is being committed waits for the next turn, so one commit serves all of it and
/// a reader never sees what is not on disk.
struct account_state {
  explicit account_state(account_actor::pointer actor) : self{actor} {}
  ~account_state();
  void start(services_ptr services, account_neighbours neighbours, settings_ptr limits);

  caf::result<reply_ptr> request(request_ptr r);
  void requests(open_request_list list);
  void outcomes(std::vector<net::delivery_outcome> list);
  void configure(const account::settings& limits);
  void wake(std::uint64_t timer);
  caf::result<bool> drain();
  void idle(std::uint64_t timer);

  struct input {
    request_ptr what;
    request_answer answer;
  };
  struct answer {
    request_answer to;
    account::reply what;
  };
  /// A long poll of the missed feed, or a test that waits for its outcome.
  struct poll {
    account::query_missed missed;
    domain::notification_number test{};
    request_answer to;
    domain::boot_time until{};
  };

  void came_in();
  void load();
  void loaded(const shard_tail& tail);
  void resumed(std::set<std::uint64_t> under_way);
  /// Runs a turn if none is running and there is something to do.
  void turn();
  void write(input& in);
  std::string write_or_say_why_not(input& in);
  void read(input& in);
  void reserve_id();
  domain::subscription_id take_id(); ///< the next of the fresh ones; there must be one
  void propose(domain::batch batch);
  void proposed(const commit_receipt& receipt);
  void committed(const commit_receipt& receipt);
  void refused(const std::string& why);
  void send_out(std::vector<account::outgoing> posts);
  void answer_polls();
  caf::result<bool> close();
  void open();
  void lost();
  void leave_behind();
  void left();
  void ask_who_had_it(std::set<std::uint64_t> under_way);
  void give_up_elsewhere();
  bool may_claim() const { return !node->draining && !draining && stands == standing::open; }
  void count_changes();
  void set_timer();
  void schedule_idle();
  bool wants_turn() const;

  account_actor::pointer self;
  services_ptr node;
  account_neighbours at;
  std::shared_ptr<shard_log> log; ///< of its shard; there once it is loaded
  account::settings limits;
  bool limits_changed = false;               ///< the next turn goes by new ones
  std::unique_ptr<account::account> core;    ///< none while loading
  std::unique_ptr<account::account> loading; ///< waits to hear which of its POSTs are under way
  bool committing = false;
  bool urgent = false; ///< something came that must not wait for the outcome delay
  bool save_asked = false;
  bool slots_came = false, slots_asked = false; ///< the node's slots: told of free ones, waiting to be told
  bool released_in_batch = false; ///< a restored store's hold ends for this account when the batch is durable
  bool leaving = false;           ///< asked the directory for leave
  std::deque<input> inputs;
  std::deque<std::uint64_t> fresh_ids; ///< subscription ids that the shard gave, ascending
  bool reserving = false;
  std::vector<net::delivery_outcome> ended, ended_in_batch;
  std::vector<answer> answers; ///< for when the batch is durable
  std::deque<input> reads;     ///< likewise
  std::vector<poll> new_tests; ///< likewise
  std::vector<poll> polls;
  std::vector<caf::typed_response_promise<bool>> drains;
  bool draining = false; ///< asked to drain: claims nothing more
  std::vector<caf::typed_response_promise<bool>> closings; ///< want to hear when it is closed
  /// Whether it decides: closing, it does until its batch is durable; closed, it keeps what comes for whoever
  /// goes on with the account; without its shard, it only waits for its last outcomes.
  enum class standing : std::uint8_t { open, closing, closed, without_shard } stands = standing::open;
  std::set<std::uint64_t> in_flight_elsewhere; ///< POSTs of the node that had it before

  std::uint64_t timer = 0; ///< only the newest wake message counts
  std::optional<domain::boot_time> timer_at;
  std::uint64_t idle_timer = 0;
  std::int64_t counted_pending = 0, counted_claims = 0; ///< this account's share in the node's sums
  std::optional<domain::boot_time> counted_due;
  std::array<std::int64_t, 3> counted_statuses{};
  std::unordered_map<std::uint64_t, std::pair<std::uint32_t, std::shared_ptr<const net::delivery_target>>>
      targets;
  std::uint32_t load_failures = 0;

  static inline const char* name = "account";
};

account_actor::behavior_type account_behavior(account_actor::stateful_pointer<account_state> self,
                                              services_ptr node, account_neighbours at, settings_ptr limits);

} // namespace carillon::actors
