#pragma once

#include "account/requests.hpp"
#include "actors/node.hpp"
#include "api/ask.hpp"
#include "api/authentication.hpp"
#include "api/call_limit.hpp"
#include "api/problem.hpp"
#include "net/http_message.hpp"
#include "net/task.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace carillon::api {

/// What all calls share: made once, outlives them.
struct surroundings {
  explicit surroundings(actors::node& n) : node{n}, credentials{n} {}
  actors::node& node;
  authenticator credentials;
  call_limit copper_calls;           ///< of each account, in Copper's API
  std::atomic<bool> stopping{false}; ///< the end is near: no longer ready, though requests are still served
};

/// One request that found its route and may be answered. Handlers throw `refusal`.
struct call {
  surroundings& around;
  net::http_request& request;
  std::vector<std::string> values; ///< of the path's parameters, in order
  caller_ptr who;                  ///< null on open routes
  account_ptr account;             ///< that the path names; null when the route is about none

  actors::node& node() const { return around.node; }
  /// The path's last parameter.
  const std::string& id() const { return values.back(); }

  /// Asks the account; throws its error. `what` is empty afterwards.
  template <class Reply>
  net::task<Reply> ask(account::request& what, std::chrono::milliseconds timeout = ask_timeout,
                                    std::size_t cost = 0) {
    auto reply = co_await api::ask(node(), account->number, what, cost, timeout);
    if (auto* error = std::get_if<account::request_error>(&reply))
      throw refusal{std::move(*error)};
    co_return std::get<Reply>(std::move(reply));
  }

  /// Changes the catalog; throws its error. Afterwards nothing outdated is remembered here.
  template <class Reply>
  net::task<Reply> change(actors::catalog_request& what) {
    auto reply = co_await api::change(node(), what);
    around.credentials.forget();
    if (auto* error = std::get_if<account::request_error>(&reply))
      throw refusal{std::move(*error)};
    co_return std::get<Reply>(std::move(reply));
  }
};

/// An answer with a JSON body.
inline net::http_response json_response(int status, std::string body) {
  net::http_response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

inline net::http_response no_content() {
  net::http_response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

} // namespace carillon::api
