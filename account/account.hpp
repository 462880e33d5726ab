#pragma once

#include "account/event_budget.hpp"
#include "account/event_ids.hpp"
#include "account/log_entry.hpp"
#include "account/notification.hpp"
#include "account/notification_table.hpp"
#include "account/requests.hpp"
#include "account/settings.hpp"
#include "account/source.hpp"
#include "account/subscriptions.hpp"
#include "account/window_history.hpp"
#include "crypto/aead.hpp"
#include "domain/log_position.hpp"
#include "domain/notification_body.hpp"
#include "domain/rate_limit.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace carillon::account {

/// Who an account is inside.
struct identity {
  domain::account_id id{};
  domain::shard_id shard{};
  std::uint32_t generation = 1; ///< the store's
};

/// A moment in both clocks.
struct moment {
  domain::boot_time boot{};
  domain::wall_time wall{};
};

/// One POST whose claim is durable, ready for the delivery engine.
struct outgoing {
  domain::notification_number number{};
  domain::compiled_ptr subscription; ///< none: it or an event is gone, nothing may be sent
  std::string headers;               ///< complete lines with CRLF
  std::string body;
  domain::boot_time deadline{};
};

/// The seq of the last log row that a saved account holds; 0 when it can't be read.
std::uint64_t saved_seq(std::string_view snapshot);

/// Whether the hold of a restored store has ended for this account, before that of the whole store.
bool is_released(const identity& who, const source& from);

/// One account: its subscriptions, windows, backlog, claims and log, as a pure state machine. Time, storage
/// and randomness come in as arguments; the account actor drives it.
///
/// It works in turns. `begin` opens one; requests, outcomes and `claim` decide, write what they decided as
/// log entries and apply them at once; `finish` hands out the batch. Nothing may be shown outside before that
/// batch is committed; then `committed` closes the turn and hands out the POSTs. While a batch is being
/// committed no new turn begins, so between turns the state is exactly what is on disk. If a batch is
/// refused, the object is thrown away and loaded anew.
///
///     idle --begin--> deciding --finish--> committing --committed--> idle
///                                              \--refused--> (thrown away)
class account {
public:
  account(identity who, settings limits, const source& from, const crypto::key_ring& keys,
          event_budget& budget);
  ~account();
  account(const account&) = delete;
  account& operator=(const account&) = delete;

  /// Makes the state from the last checkpoint and, when `tail_from` is given, the log rows from that seq on.
  /// Throws std::runtime_error when what is stored is damaged. `now` stamps this life: claims of earlier ones
  /// without an outcome become `unknown` in the next turn.
  void load(const domain::time_stamp& now, std::optional<std::uint64_t> tail_from);

  /// After `load`, instead of what that found: of all claims these POSTs are under way, here or on the node that
  /// the account was handed over from, or their outcome is at hand. The other claims become `unknown` in the next
  /// turn.
  void keep_claims(const std::set<std::uint64_t>& under_way);
  /// No outcome of these POSTs will come any more: those without one become `unknown` in the next turn.
  void give_up_claims(const std::set<std::uint64_t>& tokens);

  /// New limits or state from the operator; takes effect in the next turn.
  void configure(settings limits);
  const settings& limits() const { return settings_; }

  // --- one turn ---

  /// Opens a turn. With `checkpoint`, or when enough has come together or much time has gone by, the batch
  /// also saves the state as committed so far.
  void begin(moment now, bool checkpoint);

  std::variant<submit_reply, request_error> submit(const submit_events& r);
  /// `id` is fresh from the shard.
  std::variant<subscription_reply, request_error> create(const create_subscription& r,
                                                         domain::subscription_id id);
  std::variant<subscription_reply, request_error> replace(const replace_subscription& r);
  /// `ids`: a fresh one for each creation.
  changes_reply change(const change_subscriptions& r, const std::vector<domain::subscription_id>& ids);
  std::variant<done_reply, request_error> remove(const delete_subscription& r);
  /// The number of the sample notification.
  std::variant<domain::notification_number, request_error> test(const test_subscription& r);
  void release(const release_held& r);
  /// Cancels everything pending and takes no more events.
  void erase();

  /// What became of a claimed notification. Ignores numbers that are not claimed.
  void end(domain::notification_number number, const domain::delivery_result& result);

  /// Claims what may go now, in order, as long as `take_slot` yields a slot of the node; expires what is over
  /// the backlog's limits. Returns how many were claimed.
  std::size_t claim(const std::function<bool()>& take_slot);

  /// Bytes of what the turn decided so far.
  std::size_t decided_bytes() const { return batch_.entries.size(); }

  /// The turn's batch; nothing when nothing was decided and no checkpoint is due.
  std::optional<domain::batch> finish();

  /// The batch is durable at this place of the log; seq 0: it held only table writes. The claimed POSTs.
  std::vector<outgoing> committed(std::uint64_t seq, std::uint32_t offset);

  // --- between turns: what is committed ---

  explain_reply explain(const explain_event& r) const;
  subscriptions_reply subscriptions() const;
  log_reply log(const query_log& r, const domain::time_stamp& now) const;
  std::variant<notification_reply, request_error> get(domain::notification_number number,
                                                      const domain::time_stamp& now) const;
  missed_reply missed(const query_missed& r, const domain::time_stamp& now) const;
  usage_reply usage(moment now) const;

  /// When `claim` has something to do again without anybody's message; nothing: never.
  std::optional<domain::boot_time> next_wake(domain::boot_time now);

  /// Wanted a slot of the node in the last `claim` and got none.
  bool starved() const { return starved_; }
  /// Claims of a turn whose batch was refused: their slots must be given back.
  std::uint32_t undone_claims() const { return static_cast<std::uint32_t>(claimed_now_.size()); }
  /// POSTs under way.
  std::uint32_t in_flight() const { return in_flight_; }
  std::uint64_t pending() const { return pending_; }
  /// The earliest due time of what waits; nothing when nothing does.
  std::optional<domain::boot_time> oldest_due() const;
  /// How many subscriptions have each status, by `domain::subscription_status`.
  std::array<std::int64_t, 3> statuses() const;
  /// Has changed since its last checkpoint.
  bool unsaved() const { return unsaved_bytes_ > 0; }
  bool erased() const { return erased_; }
  /// The newest feed number; long polls compare it.
  std::uint64_t last_feed() const { return next_feed_ - 1; }
  /// Nothing open: may sleep once it is saved.
  bool at_rest() const { return pending_ == 0 && in_flight_ == 0 && overdue_claims_.empty(); }
  /// What ended in the last turn, for metrics; valid until the next `begin`.
  std::vector<const notification*> just_ended() const;

private:
  /// Where the entries being applied stand and what their boot times mean.
  struct apply_context {
    moment at;
    std::uint64_t seq = 0; ///< 0: in the turn's own batch, not committed yet
    std::uint32_t offset = 0;
    domain::time_stamp then, now;
    bool live = true;
  };

  /// The chunks that one ingestion request makes for one subscription with a delay between them.
  struct chunk_schedule {
    std::uint32_t chunks = 0;
    std::uint64_t last = 0; ///< the last one's number
  };
  using chunk_schedules = std::map<std::uint64_t, chunk_schedule>; ///< by subscription

  // deciding (account.cpp)
  /// Writes an entry and applies it.
  template <class Entry>
  void decide(Entry e) {
    write(e);
    apply(e);
  }
  /// Of an event that is parsed already. `given`: the hash of its id, when the SaaS chose that.
  void decide(entry::event e, const domain::event_ptr& source, const id_hash* given);
  template <class Entry>
  void write(Entry& e) {
    open_batch();
    entry::put(e, batch_.entries);
  }
  void open_batch();
  std::optional<request_error> refuses(const create_subscription& r, std::uint32_t counted) const;
  std::optional<request_error> refuses(const replace_subscription& r, std::uint32_t counted) const;
  request_error too_many_subscriptions() const;
  void forget_oldest_deleted();
  std::uint32_t place(const domain::event_ptr& e, std::string_view id, const id_hash* given,
                      const std::vector<std::pair<subscription_state*, domain::action>>& matches,
                      chunk_schedules& schedules);
  std::vector<std::pair<subscription_state*, domain::action>>
  matches(const domain::event& e, const std::vector<std::string>& skip_keys) const;
  void cancel_pending(const std::vector<domain::notification_number>& numbers,
                      domain::notification_state state);
  void expire_overdue();
  void judge_holding(subscription_state& s, const domain::delivery_result& result);
  subscription_state* next_claimable();
  bool may_claim(const subscription_state& s, domain::boot_time now) const;
  outgoing prepare(notification& n);
  void forget_sources(notification& n);

  // applying (account_apply.cpp): the same for decisions of now and of the log
  void apply(const entry::any& e);
  void apply(const entry::time& e);
  void apply(const entry::event& e, const domain::event_ptr& source, const id_hash* given);
  void apply(const entry::event& e);
  void apply(const entry::opened& e);
  void apply(const entry::joined& e);
  void apply(const entry::claimed& e);
  void apply(const entry::ended& e);
  void apply(const entry::dropped& e);
  void apply(const entry::subscription_put& e);
  void apply(const entry::subscription_status& e);
  void apply(const entry::subscription_erased& e);
  void apply_claim(domain::notification_number number);
  notification* find(domain::notification_number n);
  void leave_waiting(notification& n);
  void touch(const notification& n);
  void into_feed(notification& n);
  void add_part(notification& n, domain::action as, std::uint32_t first, std::uint32_t count);

  // storing (account_store.cpp)
  bool wants_checkpoint() const;
  std::vector<domain::table_write> checkpoint_tables();
  std::string revision_key(domain::subscription_id id, std::uint32_t revision) const;
  domain::table_write release_row() const;
  std::string encode_snapshot() const;
  void decode_snapshot(std::string_view value, const domain::time_stamp& now);
  void load_open_blocks(const std::vector<std::uint64_t>& blocks, const domain::time_stamp& now);
  void enqueue_loaded(notification n);

  // reading (account_queries.cpp)
  /// The notifications of one block as they stand: what is stored, overlaid with what changed since.
  struct block_view {
    std::vector<notification> stored;
    std::vector<const notification*> all; ///< by number; into `stored` or the account
  };
  block_view block(std::uint64_t index, const domain::time_stamp& now) const;
  domain::event_ptr event_of(const notification_part& p) const;
  std::vector<domain::body_part> body_parts(const notification& n) const;

  identity who_;
  settings settings_;
  const source& source_;
  const crypto::key_ring& keys_;

  subscription_table subscriptions_;
  domain::rate_limit rate_;
  window_history history_; ///< how `rate_` is stored
  event_ids ids_;
  notification_table notifications_; ///< open ones, and those that ended since the last checkpoint
  std::uint64_t next_number_ = 1, next_feed_ = 1, next_event_ = 1;
  std::uint64_t pending_ = 0, pending_records_ = 0, pending_bytes_ = 0;
  std::uint32_t in_flight_ = 0;
  std::unordered_map<std::string, std::uint32_t> in_flight_by_origin_;
  bool erased_ = false;
  bool starved_ = false;

  // since the last checkpoint
  std::set<std::uint64_t> dirty_blocks_;
  std::map<std::uint64_t, std::uint64_t> recent_missed_; ///< feed number → notification number
  std::uint64_t unsaved_bytes_ = 0; ///< of log entries; > 0 also for what only a checkpoint tells
  std::uint64_t last_seq_ = 0;      ///< of the newest row applied
  domain::boot_time saved_at_{};    ///< the last moment at which nothing was unsaved, as turns saw it

  // this turn
  apply_context context_;
  domain::batch batch_;
  struct current_event {
    domain::event_ptr source;
    std::string id;
    domain::event_ref where;
    domain::wall_time accepted{};
    bool charged = false;
  } event_;
  std::vector<std::uint64_t> unplaced_; ///< notifications with parts whose seq is not known yet
  std::vector<std::uint64_t> claimed_now_;
  std::vector<std::uint64_t> just_ended_;
  event_budget& budget_;
  std::uint64_t kept_bytes_ = 0; ///< of the budget: parsed events at hand for pending notifications

  domain::time_stamp life_;                                 ///< of this load
  std::vector<domain::notification_number> overdue_claims_; ///< of earlier lives: become unknown
};

} // namespace carillon::account
