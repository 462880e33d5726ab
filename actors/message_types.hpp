#pragma once

#include "account/requests.hpp"
#include "account/settings.hpp"
#include "actors/caf_compat.hpp"
#include "actors/catalog_requests.hpp"
#include "actors/open_request.hpp"
#include "domain/ids.hpp"
#include "domain/log_position.hpp"
#include "net/delivery_engine.hpp"
#include "net/node_link.hpp"
#include "replication/ports.hpp"
#include "storage/group_commit.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What travels between actors, registered with CAF.
namespace carillon::actors {

/// Requests and replies are shared, not copied; whoever gets one owns it.
using request_ptr = std::shared_ptr<account::request>;
using reply_ptr = std::shared_ptr<account::reply>;
using catalog_request_ptr = std::shared_ptr<catalog_request>;
using catalog_reply_ptr = std::shared_ptr<catalog_reply>;
using settings_ptr = std::shared_ptr<account::settings>;

/// Where a committed batch lies in the log.
struct commit_receipt {
  bool ok = false;
  std::uint64_t seq = 0;    ///< 0: the batch held only table writes
  std::uint32_t offset = 0; ///< of the batch's entries in the row
  std::string error;        ///< when not ok: one of storage::commit_error, or what LMDB said
};

class shard_log; // shard_log.hpp

/// What an account actor needs to load its account and to go on.
struct shard_tail {
  std::uint64_t from = 0;         ///< first log row that its checkpoint doesn't hold; 0: none
  std::shared_ptr<shard_log> log; ///< takes its batches
};

/// A row for the writer.
struct proposed_row {
  storage::log_row what;
  std::function<void(const storage::row_result&)> done; ///< called once, on the writer's thread
};

/// What the configuration store said about a shard: what is there, or that it couldn't be read.
struct configuration_news {
  bool read = false; ///< answers a read; else a watch told it
  std::optional<replication::versioned> found;
};
/// What happened to this node's own entry: it is there under this lease, or it has to be made anew.
struct registry_news {
  coordination::lease_id lease = 0; ///< 0: none
  bool put = false;
  std::string detail; ///< why not
  std::optional<coordination::entry> entry; ///< what is there
};
struct cluster_view; // cluster_view.hpp
using cluster_view_ptr = std::shared_ptr<const cluster_view>;

/// An HTTP request on its way to the node that serves it.
struct forward_ask {
  std::string request; ///< `api/forwarded_request.hpp`
  std::chrono::milliseconds timeout{};
  /// Exactly once. No answer: it was not sent, or else whether it was done isn't known.
  std::function<void(std::optional<std::string>, bool sent)> done;
};
using forward_ask_ptr = std::shared_ptr<forward_ask>;

struct shard_lag; // shard_lag.hpp
using shard_lag_ptr = std::shared_ptr<const shard_lag>;

using job_vector = std::vector<net::delivery_job>;
using outcome_vector = std::vector<net::delivery_outcome>;

/// A link to a peer, on its way to who owns it.
using link_ptr = std::shared_ptr<net::node_link>;

} // namespace carillon::actors

// Messages stay inside a node, so they need no wire form.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::reply_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::catalog_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::catalog_reply_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::settings_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::open_request_list_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::ask_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::commit_receipt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::shard_tail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::outcome_vector)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::link_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::configuration_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::cluster_view_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::forward_ask_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::registry_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::shard_lag_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::coordination::watch_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::domain::batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::domain::account_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::domain::shard_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(carillon::actors::proposed_row)

CAF_BEGIN_TYPE_ID_BLOCK(carillon, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(carillon, (carillon::actors::request_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::reply_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::catalog_request_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::catalog_reply_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::settings_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::open_request_list_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::ask_list))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::commit_receipt))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::shard_tail))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::outcome_vector))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::link_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::configuration_news))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::cluster_view_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::forward_ask_ptr))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::registry_news))
CAF_ADD_TYPE_ID(carillon, (carillon::coordination::watch_report))
CAF_ADD_TYPE_ID(carillon, (carillon::domain::batch))
CAF_ADD_TYPE_ID(carillon, (carillon::domain::account_id))
CAF_ADD_TYPE_ID(carillon, (carillon::domain::shard_id))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::proposed_row))
CAF_ADD_TYPE_ID(carillon, (carillon::actors::shard_lag_ptr))

CAF_ADD_ATOM(carillon, carillon::actors, awaken_atom, "awaken")
CAF_ADD_ATOM(carillon, carillon::actors, close_atom, "close")
CAF_ADD_ATOM(carillon, carillon::actors, commit_atom, "commit")
CAF_ADD_ATOM(carillon, carillon::actors, count_atom, "count")
CAF_ADD_ATOM(carillon, carillon::actors, dial_atom, "dial")
CAF_ADD_ATOM(carillon, carillon::actors, drain_atom, "drain")
CAF_ADD_ATOM(carillon, carillon::actors, erased_atom, "erased")
CAF_ADD_ATOM(carillon, carillon::actors, forward_atom, "forward")
CAF_ADD_ATOM(carillon, carillon::actors, hang_up_atom, "hang_up")
CAF_ADD_ATOM(carillon, carillon::actors, idle_atom, "idle")
CAF_ADD_ATOM(carillon, carillon::actors, introduce_atom, "introduce")
CAF_ADD_ATOM(carillon, carillon::actors, lag_atom, "lag")
CAF_ADD_ATOM(carillon, carillon::actors, leave_atom, "leave")
CAF_ADD_ATOM(carillon, carillon::actors, left_atom, "left")
CAF_ADD_ATOM(carillon, carillon::actors, link_ended_atom, "link_ended")
CAF_ADD_ATOM(carillon, carillon::actors, link_failed_atom, "link_fail")
CAF_ADD_ATOM(carillon, carillon::actors, load_atom, "load")
CAF_ADD_ATOM(carillon, carillon::actors, lookup_atom, "lookup")
CAF_ADD_ATOM(carillon, carillon::actors, lost_atom, "lost")
CAF_ADD_ATOM(carillon, carillon::actors, mark_atom, "mark")
CAF_ADD_ATOM(carillon, carillon::actors, open_atom, "open")
CAF_ADD_ATOM(carillon, carillon::actors, peer_down_atom, "peer_down")
CAF_ADD_ATOM(carillon, carillon::actors, peer_up_atom, "peer_up")
CAF_ADD_ATOM(carillon, carillon::actors, propose_atom, "propose")
CAF_ADD_ATOM(carillon, carillon::actors, registered_atom, "registered")
CAF_ADD_ATOM(carillon, carillon::actors, release_atom, "release")
CAF_ADD_ATOM(carillon, carillon::actors, reload_atom, "reload")
CAF_ADD_ATOM(carillon, carillon::actors, reserve_atom, "reserve")
CAF_ADD_ATOM(carillon, carillon::actors, resume_atom, "resume")
CAF_ADD_ATOM(carillon, carillon::actors, retire_atom, "retire")
CAF_ADD_ATOM(carillon, carillon::actors, serve_atom, "serve")
CAF_ADD_ATOM(carillon, carillon::actors, slots_atom, "slots")
CAF_ADD_ATOM(carillon, carillon::actors, stay_atom, "stay")
CAF_ADD_ATOM(carillon, carillon::actors, swapped_atom, "swapped")
CAF_ADD_ATOM(carillon, carillon::actors, sweep_atom, "sweep")
CAF_ADD_ATOM(carillon, carillon::actors, tail_atom, "tail")
CAF_ADD_ATOM(carillon, carillon::actors, tick_atom, "tick")
CAF_ADD_ATOM(carillon, carillon::actors, unsaved_atom, "unsaved")
CAF_ADD_ATOM(carillon, carillon::actors, unserve_atom, "unserve")
CAF_ADD_ATOM(carillon, carillon::actors, wake_atom, "wake")

CAF_END_TYPE_ID_BLOCK(carillon)
