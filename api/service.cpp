#include "api/service.hpp"

#include "api/authorization.hpp"
#include "api/copper.hpp"
#include "api/forwarding.hpp"
#include "api/json_body.hpp"
#include "api/pipeliner.hpp"
#include "config/logging.hpp"

#include <algorithm>
#include <utility>

namespace carillon::api {

namespace {

/// Everything but events: descriptions of accounts, subscriptions, credentials. Copper's `secret` and
/// `headers` at their bounds are 270 KiB.
constexpr std::size_t small_body = 512 * 1024;

/// A refusal of what `ask` would refuse later: before a body of megabytes is read.
void require_room(const actors::node& node) {
  if (node.draining())
    throw refusal{"draining", "this node is shutting down"};
  if (node.store().full())
    throw refusal{account::request_error{
        503, "store-full", "the store has no room left; nothing was accepted", {}, 30}};
}

std::string_view slug_of(int protocol_status) {
  switch (protocol_status) {
  case 408:
    return "request-timeout";
  case 413:
    return "too-large";
  case 417:
    return "expectation-failed";
  case 431:
    return "head-too-large";
  case 500:
    return "internal";
  case 503:
    return "overloaded";
  case 505:
    return "http-version";
  default:
    return "malformed";
  }
}

bool announces_body(const net::http_request& head) {
  const auto length = head.fields.find("Content-Length");
  return (length && *length != "0") || head.fields.find("Transfer-Encoding");
}

/// Whether a request of this kind is counted when it is handled, so that it must be looked at again then.
bool counts_calls(access needs) {
  return needs == access::copper_read || needs == access::copper_account;
}

/// A shard that moves is served again within this time, or its cluster lacks nodes; and how often to look.
constexpr std::chrono::milliseconds move_patience{5'000};
constexpr std::chrono::milliseconds move_look{5};

/// Whether the same request may be made again: nothing was done, or nothing can have been.
bool repeatable(const net::http_request& request, const refusal& why) {
  return why.error().moved || (request.method == "GET" && why.error().slug == "no-quorum");
}

/// What `on_head` found out about a request that is handled in the same moment.
struct judged_request {
  judged_request(router::found f, permission p) : route{std::move(f)}, allowed{std::move(p)} {}
  router::found route;
  permission allowed;
};

} // namespace

struct service::impl {
  explicit impl(actors::node& node) : around{node}, paths{all_routes()} {}

  surroundings around;
  router paths;
  std::optional<forwarded_requests> from_peers;

  /// Which node of a cluster answers: what changes accounts, keys and tokens, the one that holds those; what
  /// asks an account, the account's. Everything else any node knows itself.
  actors::node::place place_of(const route& wanted, const account_ptr& account) const {
    if (wanted.needs == access::admin && wanted.method != "GET")
      return around.node.where(domain::system_shard);
    if (account && wanted.needs != access::admin)
      return around.node.where(account->number);
    return {};
  }

  /// The answer to a request that is refused, in the words of the surface it went to.
  net::http_response refuse(const net::http_request& request, const refusal& why,
                            std::string_view path) const {
    auto response = is_copper_path(request.path)      ? copper_refusal(why)
                    : is_pipeliner_path(request.path) ? pipeliner_refusal(why, request.path)
                                                      : problem_response(why, request.request_id);
    response.route = path;
    return response;
  }

  /// The route; throws 404 and 405.
  router::found find(const net::http_request& request) const {
    auto found = paths.find(request.method, request.path, request.role);
    if (found.hit != nullptr || (request.method == "OPTIONS" && !found.allow.empty()))
      return found;
    if (found.allow.empty())
      throw refusal{"not-found", "nothing is at this path"};
    throw refusal{"method-not-allowed", "this path knows " + found.allow}.with_field("Allow", found.allow);
  }

  /// How long a body may be; throws 415 for what is no JSON, and 503 where nothing can be taken.
  std::size_t judge_body(const route& wanted, const net::http_request& head) const {
    if (wanted.needs == access::ingest)
      require_room(around.node);
    const bool json = wanted.body == body_kind::json || wanted.body == body_kind::events ||
                      (wanted.body == body_kind::optional && announces_body(head));
    if (json)
      require_json(head);
    const auto limit = wanted.body == body_kind::events
                           ? static_cast<std::size_t>(around.node.settings()->ingest.max_body)
                           : small_body;
    return limit;
  }
};

service::service(actors::node& node) : impl_{std::make_unique<impl>(node)} {
  if (node.clustered())
    impl_->from_peers.emplace(node, [this](net::http_request& request) { return answer(request, origin::peer); });
}
service::~service() = default;

std::variant<net::http_service::accept_body, net::http_response>
service::on_head(const net::http_request& head) {
  std::string_view path;
  impl_->around.credentials.notice(impl_->around.node.catalog_changes());
  try {
    auto found = impl_->find(head);
    path = found.path;
    if (found.hit == nullptr)
      return accept_body{small_body, nullptr};
    auto allowed = authorize(impl_->around, *found.hit, found.values, head, first_look::yes);
    const auto limit = impl_->judge_body(*found.hit, head);
    if (counts_calls(found.hit->needs))
      return accept_body{limit, nullptr};
    return accept_body{limit, std::make_shared<judged_request>(std::move(found), std::move(allowed))};
  } catch (const refusal& why) {
    return impl_->refuse(head, why, path);
  }
}

net::task<net::http_response> service::handle(net::http_request& request) {
  return answer(request, origin::client);
}

net::task<net::http_response> service::answer(net::http_request& request, origin from) {
  net::http_response response;
  std::string_view path;
  call c{impl_->around, request, {}, nullptr, nullptr};
  try {
    const auto judged = std::static_pointer_cast<judged_request>(std::exchange(request.judged, nullptr));
    auto found = judged ? std::move(judged->route) : impl_->find(request);
    path = found.path;
    if (found.hit == nullptr) {
      response = no_content();
      response.fields.add("Allow", found.allow);
    } else {
      auto allowed = judged ? std::move(judged->allowed)
                            : authorize(impl_->around, *found.hit, found.values, request,
                                        from == origin::peer ? first_look::yes : first_look::no);
      c.values = std::move(found.values);
      c.who = std::move(allowed.who);
      c.account = std::move(allowed.account);
      if (impl_->around.node.clustered())
        response = co_await answer_where_served(*found.hit, c, from);
      else
        response = co_await found.hit->answer(c);
    }
  } catch (const refusal& why) {
    if (from == origin::peer && why.error().moved)
      throw;
    response = impl_->refuse(c.request, why, path);
  } catch (const std::exception& e) {
    config::log(config::log_level::error, "request failed",
                {{"request_id", c.request.request_id}, {"path", c.request.path}, {"error", e.what()}});
    response = impl_->refuse(c.request, refusal{"internal", "the request could not be handled"}, path);
  }
  response.route = path;
  co_return response;
}

/// While an account moves from one node to another, what is asked of it waits here; a peer's waits at the peer.
net::task<net::http_response> service::answer_where_served(const route& wanted, call& c, origin from) {
  const auto until = domain::boot_clock::now() + move_patience;
  for (;;) {
    try {
      const auto place = impl_->place_of(wanted, c.account);
      using kind = actors::node::place::kind;
      if (place.is == kind::nowhere || (place.is == kind::there && from == origin::peer))
        throw refusal{nobody_serves()};
      if (place.is == kind::there)
        co_return co_await forward(impl_->around.node, place.node, c.request);
      co_return co_await wanted.answer(c);
    } catch (const refusal& why) {
      if (from == origin::peer || !repeatable(c.request, why) || domain::boot_clock::now() >= until)
        throw;
    }
    net::pause_for pause{move_look};
    co_await pause;
  }
}

net::http_response service::protocol_error(const net::http_request& head, int status, std::string detail) {
  const auto slug = slug_of(status);
  return impl_->refuse(
      head, refusal{account::request_error{status, std::string{slug}, std::move(detail), {}, 0}}, {});
}

void service::on_answered(const net::http_request& request, const net::http_response& response,
                          double seconds) {
  impl_->around.node.counts().answered(
      response.route.empty() ? std::string_view{"unmatched"} : response.route, response.status, seconds);
  if (config::log_enabled(config::log_level::debug))
    config::log(config::log_level::debug, "answered",
                {{"request_id", request.request_id},
                 {"method", request.method},
                 {"path", request.path},
                 {"status", response.status},
                 {"remote", request.remote},
                 {"ms", seconds * 1000}});
}

void service::stop_being_ready() {
  impl_->around.stopping = true;
}

void service::stop_answering_peers(std::chrono::milliseconds grace) {
  if (impl_->from_peers)
    impl_->from_peers->stop(grace);
}

void service::flush() {
  impl_->around.credentials.write_uses(std::chrono::seconds{5});
}

} // namespace carillon::api
