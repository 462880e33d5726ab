#pragma once

#include "replication/message.hpp"
#include "replication/ports.hpp"
#include "replication/row_ages.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace carillon::replication {

/// How many acknowledging members a shard needs to serve, and when to say something again.
struct replica_settings {
  std::size_t min_replicas = 2;
  /// A message that was not answered is sent again after this time.
  std::chrono::milliseconds resend_after{1000};
};

/// After so many times `resend_after` without a word a member is asked anew where it stands, and no row waits for
/// a learner.
inline constexpr int silent_resends = 3;

/// What a swap that fails rests first, and at most: the shards of a node together must not keep a configuration store busy
/// that is slow already.
inline constexpr std::chrono::milliseconds first_swap_rest{50};
inline constexpr std::chrono::milliseconds longest_swap_rest{1000};

/// Bytes of rows in one message; a row alone may be longer.
inline constexpr std::size_t append_bytes = std::size_t{1} << 20;

/// One node's replica of one shard, as a pure state machine: configurations, messages and completed writes come
/// in; messages, writes and swaps go out through `ports`. Time comes in with `tick`.
///
/// Primary-backup by log shipping (PacificA), configuration by compare-and-swap elsewhere:
///
///     following --reconfigure--> promising --swap, read--> leading --all members in step--> serving
///         ^                                                   |                               |
///         +---------------- another is primary ---------------+-------------------------------+
///
/// A row is committed once it is durable here and on every full and tailing member; while a swap is under way,
/// on those of the configuration it asks for, too: whatever becomes of it, each full member then has every
/// committed row. So any full member may take over with its own log, and whatever the rest has more than that
/// was never acknowledged to anyone.
///
/// To lead, a primary promises the new epoch itself before the swap, so that the epoch before can't commit
/// anything any more without it. A configuration that names this node under an epoch it has promised itself in
/// an earlier life is answered with the next epoch; one that it hasn't promised was handed over to it.
class replica {
public:
  replica(node_id self, const stored_state& found, replica_settings settings, ports& out);

  // --- what comes in ---

  /// What a read or a watch told. Older ones than the newest known are ignored.
  void configured(const versioned& what);
  /// The read failed. Behind it, as behind a read that shows no effect of the swap, the swap is done again: at the next
  /// tick, and each further time after twice as long, up to `longest_swap_rest`.
  void not_configured();
  /// The swap ended, one way or another.
  void swapped();
  void received(const node_id& from, message what);
  /// The oldest write that was not answered yet is durable.
  void stored();
  /// The connection to a node is there (again): what was said before may be lost.
  void reached(const node_id& who);
  void tick(std::chrono::milliseconds now);

  // --- what the node wants ---

  /// Takes the next row, of seq `next_seq()`. Only while serving.
  void propose(log_entry row);
  /// Tries to make `next` the configuration, with this node or, after `stop_proposing`, another full member
  /// as primary; goes on until the configuration is another than it was. False when it can't be tried now, or
  /// would make a node full that isn't `caught_up`.
  bool reconfigure(coordination::shard_configuration next);
  /// Before a planned handover: no more rows, until this node serves again in another epoch.
  void stop_proposing();

  // --- what it knows ---

  bool serving() const { return serving_; }
  /// Whether this node's copy is whole: else it can't take over.
  bool whole() const { return whole_; }
  /// Whether it serves, or has applied all of its log and all that its leader has told to be committed.
  bool up_to_date() const;
  bool reconfiguring() const { return attempt_.has_value(); }
  /// Whether a tick before long may have something to do: an answer or a change of the configuration is awaited, or
  /// something is still to be told. Else one within `resend_after` will do.
  bool busy() const;
  const versioned& current() const { return current_; }
  std::uint64_t next_seq() const { return last_.seq + 1; }
  epoch leading() const { return leading_; }
  std::uint64_t committed() const { return committed_; }
  std::uint64_t applied() const { return applied_; }

  /// How far a member is, as its primary knows.
  struct follower {
    bool in_step = false;       ///< its log has met this one in this epoch
    bool whole = false;         ///< it has the tables, too
    bool filling = false;       ///< its log didn't meet this one: it is reset, and gets a copy
    std::uint64_t acked = 0;    ///< durable there up to this row
    std::chrono::milliseconds heard{0}; ///< when it last said something
  };
  /// Of the members but this node; empty unless it leads.
  std::map<node_id, follower> followers() const;
  /// What a member has not acknowledged of the rows that are durable here.
  struct lag {
    std::uint64_t rows = 0;
    /// The oldest of them, since it is durable here, the member is one, and this node leads.
    std::chrono::milliseconds waiting{0};
    bool operator==(const lag&) const = default;
  };
  /// Of a member, this node included. Nothing as long as it hasn't said where its log stands, and unless this node
  /// leads.
  std::optional<lag> lag_of(const node_id& who) const;
  /// From now on rows count only when this member with a whole copy has them, too; so that a configuration in
  /// which it is full finds it with all that was ever committed. False when its copy isn't whole.
  bool count_in(const node_id& who);
  /// It counts, is whole and has all that is committed, or may have been by an earlier primary: it may become
  /// full, or primary.
  bool caught_up(const node_id& who) const;

private:
  struct peer {
    follower known;
    std::chrono::milliseconds met{0}; ///< when it became a member, or this node began to lead
    std::uint64_t next = 0; ///< first row not sent yet
    row_id before;          ///< the row before that; epoch 0 when it isn't known any more
    bool waiting = false;   ///< for an answer to what was sent last
    std::chrono::milliseconds sent{0};
    std::uint64_t told_committed = 0;
    // Its copy, while it is filled:
    row_id base;
    std::uint64_t copy = 0;            ///< how often it was begun
    std::optional<std::uint64_t> part; ///< sent and not known to be installed; nothing: not begun, or done
    std::chrono::milliseconds part_sent{0};
    bool counted = false; ///< a learner that rows already wait for, because it is to become full
  };
  struct attempt {
    coordination::shard_configuration next;
    coordination::revision expected = 0;
    enum class phase : std::uint8_t { promising, swapping, reading, resting } at = phase::promising;
    std::chrono::milliseconds again{0}; ///< when to swap anew, while resting
    std::chrono::milliseconds rest{0};  ///< the next one's length
  };
  /// A write under way, and what follows from it.
  struct write {
    enum class kind : std::uint8_t { promise, rows, apply, reset, part } what{};
    std::uint64_t through = 0;        ///< last row that is durable afterwards, or applied; or the epoch promised
    std::optional<message> answer;    ///< goes to `asker` then
    node_id asker;
    bool erases = false;              ///< rows that are on the disk until then
  };

  // following
  void on(const node_id& from, const lead& m);
  void on(const node_id& from, append& m);
  void on(const node_id& from, const reset& m);
  void on(const node_id& from, const snapshot_part& m);
  // leading
  void on(const node_id& from, const standing& m);
  void on(const node_id& from, const refused& m);
  void on(const node_id& from, const appended& m);
  void on(const node_id& from, const installed& m);

  // following (replica_following.cpp)
  bool follows(const node_id& from, epoch at);
  standing where_i_stand(epoch at) const;
  bool has(const row_id& id) const;
  bool erasing() const;
  void save(const promise& what, const node_id& asker, std::optional<message> answer);
  void stand(const node_id& asker, epoch at);
  void forget_after(std::uint64_t seq);
  void apply_committed();

  // configuration (replica.cpp)
  void judge_configuration();
  void rest();
  void swap_again();
  bool all_filled(const coordination::shard_configuration& next) const;

  // leading (replica_leading.cpp)
  void become_leader(epoch at);
  void stop_leading();
  peer* known_peer(const node_id& who, epoch at);
  bool holds(const row_id& id) const;
  row_id id_of(std::uint64_t seq) const;
  void say_lead(const node_id& who, peer& p);
  bool silent(const peer& p) const;
  void say_again(const node_id& who, peer& p);
  void say_committed(const node_id& who, peer& p);
  void meet(const node_id& who, peer& p, const standing& m);
  void start_over(const node_id& who, peer& p);
  void ship(const node_id& who, peer& p);
  void ship_all();
  void copy_on(const node_id& who, peer& p);
  void send_part(const node_id& who, peer& p, std::uint64_t index);
  void copied(const node_id& who, peer& p);
  bool needed(const node_id& who) const;
  void advance();
  void report();
  void forget_ages();

  node_id self_;
  replica_settings settings_;
  ports& out_;
  std::chrono::milliseconds now_{0};

  // As it will be once the writes under way are durable:
  promise promised_;
  std::uint64_t shipped_before_ = 0; ///< rows of the epoch before the promised one up to it came from the candidate
  row_id last_, base_;
  bool whole_ = true;
  std::uint64_t copy_ = 0, parts_ = 0; ///< the copy under way, and how many parts of it were put
  epoch reset_in_ = 0;
  std::uint64_t last_staged_ = 0;

  std::uint64_t durable_ = 0;   ///< rows up to it are on this disk
  std::uint64_t applied_ = 0;   ///< table writes of rows up to it are done
  std::uint64_t marked_ = 0;    ///< what the disk says of that; not behind `applied_`
  bool applying_ = false;
  std::uint64_t committed_ = 0; ///< as far as this node knows
  std::uint64_t known_equal_ = 0; ///< the log is its leader's up to here, as the promised epoch has shown
  std::uint64_t reported_ = 0;  ///< of it, what the ports were told
  row_id told_;                 ///< up to which the leader of this epoch has said that rows are committed
  std::deque<write> writes_;    ///< oldest first

  versioned current_;
  std::optional<attempt> attempt_;
  epoch raised_ = 0; ///< asked for, or taken, in this life of the node: it may lead in it
  epoch highest_refused_ = 0;

  epoch leading_ = 0; ///< 0: it doesn't
  bool serving_ = false, closed_ = false;
  /// What was in the log when it began to lead: any of it may have been committed by the primary before.
  std::uint64_t inherited_ = 0;
  std::map<node_id, peer> peers_;
  row_ages ages_; ///< of the rows that some member lacks, while it leads
};

} // namespace carillon::replication
