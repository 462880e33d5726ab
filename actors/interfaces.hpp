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

/// The only owner of one account: subscriptions, windows, backlog, claims, log. One per active account.
using account_actor = typed<
    /// Anything asked of the account; answered when it is durable.
    caf::result<reply_ptr>(request_ptr),
    /// The same for several; answered when the last of them is.
    caf::result<reply_list_ptr>(request_list_ptr),
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

} // namespace carillon::actors
