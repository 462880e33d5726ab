#pragma once

#include "net/http_message.hpp"
#include "net/task.hpp"

#include <boost/container/static_vector.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::api {

struct call;

/// What a caller must hold. Those from `explain` on are judged for the account that the path (or, for Copper,
/// the key) names.
enum class access : std::uint8_t {
  open,    ///< nothing
  metrics, ///< scope `metrics`, unless the listener or the client is the operator's own
  admin,
  explain, ///< scope `ingest` or `account`
  ingest,
  account,
  read,
  copper_read, ///< an account's key, as Copper's clients send it
  copper_account,
  pipeliner_read, ///< an account's key, as Pipeliner's clients send it
  pipeliner_account,
};

/// Which listeners answer when `http.admin-listen` is set.
enum class side : std::uint8_t {
  admin, ///< only those
  both,
};

/// What a route's body may be.
enum class body_kind : std::uint8_t {
  none,     ///< a body is read (so that the connection can go on) and ignored
  optional, ///< JSON, or nothing
  json,
  events,  ///< JSON up to `ingest.max-body`
  untyped, ///< JSON, whatever its Content-Type says: the dialects' clients differ
};

using handler = net::task<net::http_response> (*)(call&);

/// One method of one path.
struct route {
  std::string_view method;
  std::string_view path; ///< template: "/v1/accounts/{account}/keys"
  access needs = access::open;
  side on = side::both;
  body_kind body = body_kind::none;
  handler answer = nullptr;
};

/// Everything that Carillon answers to.
const std::vector<route>& all_routes();

/// Finds routes by method and path.
class router {
public:
  /// Longer paths than any template's are unknown without a look.
  static constexpr std::size_t most_segments = 8;
  using segment_list = boost::container::static_vector<std::string_view, most_segments + 1>;

  explicit router(const std::vector<route>& routes);

  struct found {
    const route* hit = nullptr;      ///< null: not found, or (when `allow` isn't empty) another method
    std::vector<std::string> values; ///< of the template's parameters, in order
    std::string allow;               ///< methods that the path knows on this listener: "GET, HEAD, OPTIONS"
    std::string_view path;           ///< the path's template; empty when it is unknown
  };

  /// HEAD finds what GET does. A route that this listener doesn't serve is not found.
  found find(std::string_view method, std::string_view path, net::listener_role role) const;

private:
  struct entry {
    route what;
    segment_list segments; ///< of the template; "{…}" takes any segment that isn't empty
  };
  std::vector<std::vector<entry>> by_length_; ///< index: number of segments
};

} // namespace carillon::api
