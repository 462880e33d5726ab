#pragma once

#include "actors/node.hpp"
#include "net/http_server.hpp"

#include <memory>

namespace carillon::api {

struct call;
struct route;

/// All REST surfaces of a node, as its HTTP servers ask for them: the native API, Copper's, and operations.
/// Thread-safe; the node must outlive every request.
class service final : public net::http_service {
public:
  explicit service(actors::node& node);
  ~service() override;

  std::variant<accept_body, net::http_response> on_head(const net::http_request& head) override;
  net::task<net::http_response> handle(net::http_request& request) override;
  net::http_response protocol_error(const net::http_request& head, int status, std::string detail) override;
  void on_answered(const net::http_request& request, const net::http_response& response,
                   double seconds) override;

  /// From now on the node says that it isn't ready; it goes on serving.
  void stop_being_ready();

  /// Waits so long for what other nodes had this one answer, and takes none of it from then on. Before the node
  /// goes.
  void stop_answering_peers(std::chrono::milliseconds grace);

  /// Writes down what is only in memory (when credentials were last used): before the node drains.
  void flush();

private:
  enum class origin : std::uint8_t { client, peer };
  net::task<net::http_response> answer(net::http_request& request, origin from);
  net::task<net::http_response> answer_where_served(const route& wanted, call& c, origin from);

  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::api
