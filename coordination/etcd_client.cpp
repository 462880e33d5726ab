#include "coordination/etcd_client.hpp"

#include "coordination/json_reader.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <utility>

namespace carillon::coordination {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

etcd_client::etcd_client(asio::io_context& io, const std::vector<std::string>& urls, asio::ssl::context tls,
                         std::chrono::milliseconds attempt_timeout)
    : io_{io}, tls_{std::move(tls)}, attempt_timeout_{attempt_timeout} {
  if (urls.empty())
    throw std::runtime_error("no endpoint of etcd is given");
  for (const auto& url : urls)
    endpoints_.emplace_back(io_, url);
}

void etcd_client::close() {
  closing_.close();
  for (auto& each : endpoints_)
    each.close();
}

asio::awaitable<void> closing_timer::wait(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> etcd_client::pause(std::chrono::milliseconds time) {
  closing_timer timer{io_, closing_};
  if (!closing_.closed())
    co_await timer.wait(time);
}

std::optional<call_error> etcd_client::check_cluster(const etcd_header& header) {
  if (cluster_ == 0)
    cluster_ = header.cluster;
  if (header.cluster == cluster_)
    return std::nullopt;
  return call_error{failure::foreign, "it belongs to another etcd cluster than the one first spoken with"};
}

void etcd_client::turn_away(const etcd_endpoint& from) {
  // Another call may have turned away from it meanwhile.
  if (&endpoints_[first_] == &from)
    first_ = (first_ + 1) % endpoints_.size();
}

std::optional<call_error> etcd_client::judge(const http_reply& reply, const read_answer& read) {
  if (reply.status != 200)
    return read_error(reply.status, reply.body);
  try {
    return check_cluster(read(reply.body));
  } catch (const json_mismatch& problem) {
    return call_error{failure::unreadable, std::string{"the answer is none of etcd's: "} + problem.what()};
  }
}

asio::awaitable<std::optional<call_error>> etcd_client::attempt(etcd_endpoint& at, const etcd_request& request,
                                                                repeatable again, const read_answer& read) {
  bool sent = false;
  std::optional<call_error> out;
  try {
    etcd_connection connection{io_, tls_, closing_};
    co_await connection.open(at, steady::now() + attempt_timeout_);
    if (again == repeatable::no) {
      const auto reply = co_await connection.exchange(at, status_request());
      bool has_leader = false;
      out = judge(reply, [&](const std::string& body) {
        const auto status = read_status(body);
        has_leader = status.has_leader;
        return status.header;
      });
      if (!out && !has_leader)
        out = call_error{failure::unreachable, "it has no leader"};
    }
    if (!out) {
      sent = true;
      const auto reply = co_await connection.exchange(at, request);
      out = judge(reply, read);
    }
  } catch (const system_error& problem) {
    out = call_error{failure::unreachable, problem.code().message()};
  }
  if (!out)
    co_return out;
  const bool certain = out->what == failure::refused || out->what == failure::full;
  if (again == repeatable::no && sent && !certain)
    out->what = failure::unknown;
  out->detail = at.url() + ": " + out->detail;
  co_return out;
}

asio::awaitable<std::optional<call_error>> etcd_client::ask(etcd_request request, repeatable again,
                                                            read_answer read) {
  std::optional<call_error> out;
  const auto begin = first_;
  for (std::size_t tries = 0; tries < endpoints_.size(); ++tries) {
    if (closing_.closed())
      co_return call_error{failure::unreachable, "the store is being closed"};
    const auto at = (begin + tries) % endpoints_.size();
    out = co_await attempt(endpoints_[at], request, again, read);
    if (!out)
      first_ = at;
    if (!out || out->what == failure::refused || out->what == failure::full)
      co_return out;
    turn_away(endpoints_[at]);
    if (out->what == failure::unknown)
      co_return out;
  }
  co_return out;
}

} // namespace carillon::coordination
