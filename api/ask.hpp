#pragma once

#include "account/requests.hpp"
#include "actors/catalog_requests.hpp"
#include "actors/node.hpp"
#include "actors/shard_lag.hpp"
#include "net/task.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// The bridge between connections and actors: the task of a request waits, the answer comes from an actor's
/// thread, the task goes on on its connection's loop.
///
/// What is asked is taken from a named variable (and is empty afterwards): GCC 12 destroys a temporary in a
/// `co_await` expression twice.
namespace carillon::api {

/// How long an account may take for anything but a long poll.
inline constexpr std::chrono::milliseconds ask_timeout{30'000};

net::task<account::reply> ask(actors::node& node, domain::account_id whom, account::request& what,
                              std::size_t cost, std::chrono::milliseconds timeout = ask_timeout);

/// Changes the catalog; comes back when it is durable.
net::task<actors::catalog_reply> change(actors::node& node, actors::catalog_request& what);

net::task<actors::catalog_reply> release(actors::node& node, bool send, std::vector<std::string>& accounts);

/// How far the members of shards are; comes back within a second (`actors::survey_lag`).
net::task<actors::lag_report> ask_lag(actors::node& node, actors::cluster_view_ptr& view);

} // namespace carillon::api
