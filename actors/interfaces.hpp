#pragma once

#include "actors/caf_compat.hpp"
#include "actors/message_types.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Every actor of a node and every message it takes. This header is the map of the running system:
///
///                       +-----------+  who is where   +---------+
///       api (bridge) -->|  INGRESS  |---------------->|DIRECTORY|--- spawns, retires ---+
///                       +-----------+                 +---------+                       |
///                             | one account's request      | accounts, keys, tokens     v
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
    /// Make this row durable; answers when it is, or tells which batches were refused.
    caf::result<storage::row_result>(storage::log_row),
    /// Commit what has come together so far (to itself).
    caf::result<void>(commit_atom),
    /// Write down that a restored store is held no more.
    caf::result<bool>(release_atom)>;

/// Orders the batches of its accounts into its log: one row in flight, the next gathers meanwhile. One per
/// shard.
using shard_actor = typed<
    /// Order this batch and make it durable.
    caf::result<commit_receipt>(propose_atom, domain::batch),
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

/// The only owner of one account: subscriptions, windows, backlog, claims, log. One per active account.
using account_actor = typed<
    /// Anything asked of the account; answered when it is durable.
    caf::result<reply_ptr>(request_ptr),
    /// The same for several; answered when the last of them is.
    caf::result<reply_list_ptr>(request_list_ptr),
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
    /// Nothing was going on for a while (to itself).
    caf::result<void>(idle_atom, std::uint64_t)>;

} // namespace carillon::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::account_actor)

namespace carillon::actors {

/// Façade of one delivery engine, for all but the POSTs themselves: those an account puts on the engine's
/// desk (delivery_desk.hpp), which sends the outcomes back. One a core.
using delivery_actor = typed<
    /// Tell this account when slots of the node are free again.
    caf::result<void>(slots_atom, account_actor),
    /// The account was loaded again by this actor; answers which of its POSTs (by token) are under way.
    caf::result<std::vector<std::uint64_t>>(resume_atom, domain::account_id, account_actor)>;

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
    /// New node settings: tell every live account.
    caf::result<void>(reload_atom),
    /// Claim nothing more; answers when all accounts are drained.
    caf::result<bool>(drain_atom),
    /// How many accounts are live.
    caf::result<std::uint64_t>(count_atom)>;

/// Routes requests to accounts and holds the admission credit. One a core.
using ingress_actor = typed<
    /// One account's request, on its way there; the answer goes to the callback.
    caf::result<void>(domain::account_id, request_ptr, ask_ptr),
    /// The same for all that one loop of a server had.
    caf::result<void>(asked_list),
    /// Look who has waited too long (to itself).
    caf::result<void>(wake_atom)>;

/// Retention and marks, in small bounded steps. One a node.
using sweeper_actor = typed<
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

} // namespace carillon::actors
