#pragma once

#include "actors/caf_compat.hpp"
#include "actors/message_types.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Every actor of a node and every message it takes. This header is the map of the running system:
///
///                       (-----------)  who is where   +---------+
///       api (bridge) -->(  INGRESS  )---------------->|DIRECTORY|--- spawns, retires ---+
///                       (-----------)                 +---------+                       |
///                             | one account's requests     | accounts, keys, tokens     v
///                             +----------------------------|------------------->  +---------+
///                                                          |                      | ACCOUNT |
///                                                          v                      +---------+
///      +--------+   rows     +-------+      batches (both)                        | ^   jobs |
///      | WRITER |<-----------| SHARD |<-------------------------------------------+ |        v
///      +--------+            +-------+                              outcomes        | +----------+
///       one sync               orders                                               +-| DELIVERY |--> HTTPS
///                                                                                     +----------+
namespace carillon::actors {

/// The only LMDB write transaction: gathers the rows that wait and commits them with one sync. One a node, on
/// its own thread.
using writer_actor = typed<
    /// Make this row durable; its `done` hears when it is, or which batches were refused.
    caf::result<void>(proposed_row),
    /// Commit what has come together so far (to itself).
    caf::result<void>(commit_atom),
    /// Write down that a restored store is held no more.
    caf::result<bool>(release_atom)>;

/// Façade of one shard's log, for all but the batches of accounts: those an account hands to the log itself
/// (shard_log.hpp), which orders them, one row in flight while the next gathers. One per shard.
using shard_actor = typed<
    /// Order this batch and make it durable.
    caf::result<commit_receipt>(propose_atom, domain::batch),
    /// How the batch of that number fared (from its log).
    caf::result<void>(std::uint64_t, commit_receipt),
    /// A fresh id for a subscription: counter × shards + shard, never given twice.
    caf::result<std::uint64_t>(reserve_atom),
    /// From where an account must replay.
    caf::result<shard_tail>(tail_atom, domain::account_id),
    /// The accounts that have rows which no checkpoint holds.
    caf::result<std::vector<std::uint64_t>>(unsaved_atom),
    /// Pass on to the writer: a restored store is held no more.
    caf::result<bool>(release_atom),
    /// Write down from where a start must replay (from the sweeper); answers that seq.
    caf::result<std::uint64_t>(mark_atom)>;

/// Hears of POSTs that ended.
using outcome_taker = typed<
    /// POSTs of one account that ended.
    caf::result<void>(outcome_vector)>;

/// The only owner of one account: subscriptions, windows, backlog, claims, log. One per active account.
using account_actor = typed<
    /// Anything that the node itself asks of the account; answered when it is durable.
    caf::result<reply_ptr>(request_ptr),
    /// What is asked from outside, each request answered when it is durable (from INGRESS).
    caf::result<void>(open_request_list_ptr),
    /// How its batch fared (from its shard's log).
    caf::result<void>(commit_receipt),
    /// POSTs of this account that ended.
    caf::result<void>(outcome_vector),
    /// New limits or state.
    caf::result<void>(settings_ptr),
    /// Time for a turn: something is due, or a window has a place.
    caf::result<void>(wake_atom, std::uint64_t),
    /// The node has slots again.
    caf::result<void>(slots_atom),
    /// Load again what is on disk, after the store refused a batch (to itself).
    caf::result<void>(load_atom),
    /// Claim nothing more; answers when nothing is in flight, everything is committed and saved.
    caf::result<bool>(drain_atom),
    /// The shard is to be handed over: decide nothing more; answers when all that was decided is committed, and
    /// the engine's desk keeps what is in flight for the next owner.
    caf::result<bool>(close_atom),
    /// Go on: the shard stays after all.
    caf::result<void>(open_atom),
    /// The shard is another node's now: answer everybody, and end.
    caf::result<void>(lost_atom),
    /// The node that had the account before had time enough to tell of its POSTs (to itself).
    caf::result<void>(resume_atom),
    /// No outcome can be on its way any more from before the account was left (to itself).
    caf::result<void>(left_atom),
    /// Nothing was going on for a while (to itself).
    caf::result<void>(idle_atom, std::uint64_t)>;

} // namespace carillon::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::account_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::outcome_taker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::shard_actor)

namespace carillon::actors {

/// Façade of one delivery engine, for all but the POSTs themselves: those an account puts on the engine's
/// desk (delivery_desk.hpp), which sends the outcomes back. One a core.
using delivery_actor = typed<
    /// Tell this account when slots of the node are free again.
    caf::result<void>(slots_atom, account_actor),
    /// The account's outcomes go to this owner from now on; answers which of its POSTs (by token) are under way.
    caf::result<std::vector<std::uint64_t>>(resume_atom, domain::account_id, outcome_taker)>;

/// Account → its live actor, spawned on demand; and the catalog of accounts, keys and tokens. One a node.
using directory_actor = typed<
    /// The account's actor; an error when there is no such account.
    caf::result<account_actor>(lookup_atom, domain::account_id),
    /// Changes of accounts, keys and tokens; answered when durable.
    caf::result<catalog_reply_ptr>(catalog_request_ptr),
    /// The account has nothing open, is saved, and wants to leave; newcomers wait until it is gone.
    caf::result<bool>(retire_atom, domain::account_id),
    /// It was given leave, but something came in.
    caf::result<void>(stay_atom, domain::account_id),
    /// Load the accounts that have something open.
    caf::result<void>(awaken_atom),
    /// End of a restore's hold: send or expire what waits, for all accounts or the named one.
    caf::result<catalog_reply_ptr>(release_atom, bool, std::vector<std::string>),
    /// This node serves the shard from now on, through this actor: load its accounts that have something open.
    /// The node that did before may have POSTs of it under way; empty: there is none.
    caf::result<void>(serve_atom, domain::shard_id, shard_actor, std::string),
    /// This node doesn't serve the shard any more: its accounts end.
    caf::result<void>(unserve_atom, domain::shard_id),
    /// The shard is to be handed over: its accounts decide nothing more; answers when all is committed and left
    /// behind in the desks.
    caf::result<bool>(close_atom, domain::shard_id),
    /// The handover came to nothing: its accounts go on.
    caf::result<void>(open_atom, domain::shard_id),
    /// POSTs of this account ended on the node that had it before.
    caf::result<void>(domain::account_id, outcome_vector),
    /// As DELIVERY, for the engine that this account's POSTs go to.
    caf::result<std::vector<std::uint64_t>>(resume_atom, domain::account_id, outcome_taker),
    /// New node settings: tell every live account.
    caf::result<void>(reload_atom),
    /// Claim nothing more; answers when all accounts are drained.
    caf::result<bool>(drain_atom),
    /// How many accounts are live.
    caf::result<std::uint64_t>(count_atom)>;

/// What of INGRESS (ingress.hpp) only an actor can: look accounts up, hear that their actors are gone, and time. One
/// an ingress.
using ingress_clerk_actor = typed<
    /// Find the accounts' actors, and bring them their requests.
    caf::result<void>(ask_list),
    /// Look who has waited too long.
    caf::result<void>(wake_atom)>;

/// Retention and marks, in small bounded steps. One a node.
using sweeper_actor = typed<
    /// This node serves the shard from now on.
    caf::result<void>(serve_atom, domain::shard_id, shard_actor),
    /// It doesn't any more.
    caf::result<void>(unserve_atom, domain::shard_id),
    /// One step (to itself).
    caf::result<void>(sweep_atom)>;

/// Hears which peers of a clustered node can be talked to. Each link of a peer has a number of its own, which
/// only rises; `up` and `down` come in pairs, and a peer's next `up` never before its last `down`.
using peer_watcher_actor = typed<
    /// The peer (by its store's UUID), the link, and the actor it gave to be talked to. Its DOWN comes when
    /// the link breaks.
    caf::result<void>(peer_up_atom, std::string, std::uint64_t, caf::strong_actor_ptr),
    /// The peer is gone, and why: nothing comes from that link any more.
    caf::result<void>(peer_down_atom, std::string, std::uint64_t, std::string),
    /// The attempt to reach the peer failed: why, and whether it may help to try again soon.
    caf::result<void>(link_failed_atom, std::string, std::string, bool)>;

/// The links to the other nodes of a cluster. One a clustered node.
using peers_actor = typed<
    /// Open a link to this node (the store's UUID) at this address ("host:port"), unless there is one or one
    /// is being opened. One attempt; the watcher hears how it went. Only for nodes that this one `dials`.
    caf::result<void>(dial_atom, std::string, std::string),
    /// Close the peer's link, if there is one; the watcher hears of its end.
    caf::result<void>(hang_up_atom, std::string),
    /// A link stands, that this node opened or another did (from the links).
    caf::result<void>(link_ptr),
    /// The link to this node couldn't be opened, why, and whether to try again soon (from the links).
    caf::result<void>(link_failed_atom, std::string, std::string, bool),
    /// A link ended (from the links).
    caf::result<void>(link_ended_atom, std::uint64_t, std::string),
    /// The peer at the end of this link gives its entry actor; answers this node's (from a GREETER).
    caf::result<caf::strong_actor_ptr>(introduce_atom, std::uint64_t, caf::strong_actor_ptr)>;

/// What a peer meets first at the end of a link that it opened. One per such link.
using greeter_actor = typed<
    /// The peer's entry actor; answers this node's.
    caf::result<caf::strong_actor_ptr>(introduce_atom, caf::strong_actor_ptr)>;

/// Brings outcomes of POSTs that this node makes to the nodes that have their accounts now. One a clustered node.
using courier_actor = typed<
    /// As OUTCOME_TAKER, of any account that was asked for.
    caf::result<void>(outcome_vector),
    /// That node has the account now: bring it what ends; answers which POSTs are in flight (encoded).
    caf::result<std::string>(resume_atom, std::string, domain::account_id),
    /// Answers when all that was brought has arrived.
    caf::result<bool>(drain_atom)>;

/// What the other nodes of a cluster talk to over CAF; what they say most often goes beside it (peer_mail.hpp). One a
/// clustered node.
using entry_actor = typed<
    /// That node has the account now: have it told of POSTs of it that this node still makes; answers which are in
    /// flight (encoded).
    caf::result<std::string>(resume_atom, std::string, std::uint64_t),
    /// Such outcomes (encoded), and the account; answers when they are here.
    caf::result<bool>(resume_atom, std::uint64_t, std::string),
    /// Whether this deleted account is erased in this node's copy of its shard, once and for all.
    caf::result<bool>(erased_atom, std::uint64_t),
    /// That node ends: have it asked nothing more; answers when it has answered all that it was asked.
    caf::result<bool>(leave_atom, std::string),
    /// How far the members are of the shards that this node leads (encoded).
    caf::result<std::string>(lag_atom)>;

/// Brings requests to the nodes that serve them. One a clustered node.
using forwarder_actor = typed<
    /// Have that node answer.
    caf::result<void>(forward_atom, std::string, forward_ask_ptr),
    /// What came over that link as the answer to that ticket (from a peer).
    caf::result<void>(forward_atom, std::uint64_t, std::uint64_t, std::string),
    /// Look what has waited too long (to itself).
    caf::result<void>(tick_atom),
    /// As ENTRY.
    caf::result<bool>(leave_atom, std::string),
    /// The cluster changed.
    caf::result<void>(cluster_view_ptr)>;

/// Knows the cluster: keeps this node's entry in the configuration store, watches who is there and who holds
/// which shard, has links opened, and tells everyone of every change. One a clustered node.
using placement_actor = typed<
    /// As PEER_WATCHER.
    caf::result<void>(peer_up_atom, std::string, std::uint64_t, caf::strong_actor_ptr),
    caf::result<void>(peer_down_atom, std::string, std::uint64_t, std::string),
    caf::result<void>(link_failed_atom, std::string, std::string, bool),
    /// What the configuration store tells (from its watch).
    caf::result<void>(coordination::watch_report),
    /// What became of this node's own entry (from the configuration store).
    caf::result<void>(registry_news),
    /// Time passes (to itself).
    caf::result<void>(tick_atom),
    /// The node ends: hand over its shards, take its entry back; answers when that is done.
    caf::result<bool>(leave_atom),
    /// This node's entry says that it leaves (to itself).
    caf::result<void>(left_atom)>;

/// What of one shard's replica on this node (replica_seat.hpp) only an actor can: time, questions, and answers to who
/// asks. One per shard of a clustered node.
using replica_actor = typed<
    /// The cluster changed.
    caf::result<void>(cluster_view_ptr),
    /// What the configuration store holds.
    caf::result<void>(configuration_news),
    /// The swap that was asked for has ended.
    caf::result<void>(swapped_atom),
    /// Try the write again that found no room (to itself).
    caf::result<void>(commit_atom),
    /// Time passes (from PLACEMENT, to all of them at once, so that what they have to say goes together).
    caf::result<void>(tick_atom),
    /// Look at what is under way (to itself).
    caf::result<void>(wake_atom),
    /// Have the shard's accounts closed for this handover (to itself).
    caf::result<void>(close_atom, std::int64_t),
    /// Hand the shard over to another full member; answers true when another is primary, false when none can.
    caf::result<bool>(leave_atom),
    /// How that ended (to itself).
    caf::result<void>(left_atom, bool),
    /// How far the members are behind; null where this node doesn't lead.
    caf::result<shard_lag_ptr>(lag_atom),
    /// The answer to that (to itself).
    caf::result<void>(shard_lag_ptr)>;

} // namespace carillon::actors
