#pragma once

#include "actors/node.hpp"
#include "net/http_message.hpp"
#include "net/task.hpp"
#include "net/task_loop.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

namespace carillon::api {

/// Nothing was done, for what was asked is on its way from one node to another.
account::request_error nobody_serves();

/// Has another node of the cluster answer the request. Throws `refusal` 503 `no-quorum`: with `moved` when that
/// node doesn't serve it any more, without when it goes or takes too long, for then what was asked may have been
/// done. After a change of the catalog it comes back once this node knows of it, too.
net::task<net::http_response> forward(actors::node& node, const std::string& to, const net::http_request& request);

/// Answers what other nodes forward to this one, on a loop of its own.
class forwarded_requests {
public:
  /// Throws `refusal` only for what has moved; answers everything else.
  using answer = std::function<net::task<net::http_response>(net::http_request&)>;

  forwarded_requests(actors::node& node, answer how);
  /// What is being answered ends unanswered. The node must be gone, for it resumes what waits for it.
  ~forwarded_requests();
  forwarded_requests(const forwarded_requests&) = delete;
  forwarded_requests& operator=(const forwarded_requests&) = delete;

  /// Waits so long for those under way; takes and answers none from then on, and asks nothing of the node. Once.
  void stop(std::chrono::milliseconds grace);

private:
  struct one;
  void take(std::string request, std::function<void(std::string)> done);

  actors::node& node_;
  answer how_;
  net::task_loop loop_;
  std::unordered_map<one*, std::unique_ptr<one>> open_; ///< the loop's
  std::promise<void> idle_; ///< nothing is open any more, and nothing will be
  std::atomic<bool> closing_{false}; ///< takes no more: whoever asks is sent elsewhere
  bool awaited_ = false;    ///< the loop's: the end of those that are open
  bool stopping_ = false;   ///< the loop's: ends
  std::thread thread_;
};

} // namespace carillon::api
