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

std::optional<call_error> etcd_client::check_cluster(const etcd_header& header, const std::string& url) {
  if (cluster_ == 0)
    cluster_ = header.cluster;
  if (header.cluster == cluster_)
    return std::nullopt;
  return call_error{failure::foreign, url + " belongs to another etcd cluster than the one first spoken with"};
}

asio::awaitable<etcd_reply> etcd_client::attempt(etcd_endpoint& at, etcd_request request, repeatable again) {
  bool sent = false;
  // Outside of the handler, for nothing can be awaited in one.
  etcd_reply out;
  out.from = &at;
  try {
    etcd_connection connection{io_, tls_, closing_};
    co_await connection.open(at, steady::now() + attempt_timeout_);
    if (again == repeatable::no) {
      const auto reply = co_await connection.exchange(at, status_request());
      if (reply.status != 200) {
        out.error = read_error(reply.status, reply.body);
      } else {
        const auto status = read_status(reply.body);
        out.error = check_cluster(status.header, at.url());
        if (!out.error && !status.has_leader)
          out.error = call_error{failure::unreachable, "it has no leader"};
      }
    }
    if (!out.error) {
      sent = true;
      auto reply = co_await connection.exchange(at, std::move(request));
      if (reply.status == 200)
        out.body = std::move(reply.body);
      else
        out.error = read_error(reply.status, reply.body);
    }
  } catch (const system_error& problem) {
    out.error = call_error{failure::unreachable, problem.code().message()};
  } catch (const json_mismatch& problem) {
    out.error = call_error{failure::unreadable, std::string{"its status is none of etcd's: "} + problem.what()};
  }
  if (!out.error)
    co_return out;
  const bool certain = out.error->what == failure::refused || out.error->what == failure::full;
  if (again == repeatable::no && sent && !certain)
    out.error->what = failure::unknown;
  if (out.error->what != failure::foreign)
    out.error->detail = at.url() + ": " + out.error->detail;
  co_return out;
}

asio::awaitable<etcd_reply> etcd_client::ask(etcd_request request, repeatable again) {
  etcd_reply out;
  for (std::size_t tries = 0; tries < endpoints_.size(); ++tries) {
    if (closing_.closed()) {
      out.error = call_error{failure::unreachable, "the store is being closed"};
      co_return out;
    }
    const auto at = first_;
    out = co_await attempt(endpoints_[at], request, again);
    if (!out.error)
      co_return out;
    // Another call may have turned away from it meanwhile.
    if (first_ == at && out.error->what != failure::refused && out.error->what != failure::full)
      turn_away();
    if (out.error->what == failure::refused || out.error->what == failure::full ||
        out.error->what == failure::unknown)
      co_return out;
  }
  co_return out;
}

} // namespace carillon::coordination
