#include "api/ask.hpp"

#include "net/task_loop.hpp"

#include <coroutine>
#include <optional>
#include <utility>
#include <vector>

namespace carillon::api {

namespace {

/// Waits for the callback that `start` is given, which is called once, on whichever thread; yields what it
/// was called with. The task goes on on its own loop.
template <class Reply, class Start>
class callback_wait {
public:
  explicit callback_wait(Start start) : start_{std::move(start)} {}
  callback_wait(const callback_wait&) = delete;
  callback_wait& operator=(const callback_wait&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    who_ = who;
    loop_ = &net::task_loop::here();
    start_([this](Reply reply) {
      reply_.emplace(std::move(reply));
      loop_->resume(who_);
    });
  }
  Reply await_resume() { return std::move(*reply_); }

private:
  Start start_;
  std::coroutine_handle<> who_;
  net::task_loop* loop_ = nullptr;
  std::optional<Reply> reply_;
};

template <class Reply, class Start>
net::task<Reply> await_callback(Start start) {
  callback_wait<Reply, Start> answered{std::move(start)};
  co_return co_await answered;
}

/// What the connections of this thread's loop ask accounts in one turn goes to the node together, at the
/// turn's end.
void ask_together(actors::node& node, actors::ask_ptr what) {
  thread_local actors::ask_list gathered;
  gathered.push_back(std::move(what));
  if (gathered.size() == 1)
    net::task_loop::here().events().later([&node] { node.ask(std::exchange(gathered, {})); });
}

} // namespace

net::task<account::reply> ask(actors::node& node, domain::account_id whom, account::request& what,
                              std::size_t cost, std::chrono::milliseconds timeout) {
  return await_callback<account::reply>([&node, whom, &what, cost, timeout](auto done) {
    auto one = std::make_shared<actors::ask>();
    one->account = whom;
    one->what = std::move(what);
    one->cost = cost;
    one->timeout = timeout;
    one->done = std::move(done);
    ask_together(node, std::move(one));
  });
}

net::task<actors::catalog_reply> change(actors::node& node, actors::catalog_request& what) {
  return await_callback<actors::catalog_reply>(
      [&node, &what](auto done) { node.change(std::move(what), std::move(done)); });
}

net::task<actors::catalog_reply> release(actors::node& node, bool send, std::vector<std::string>& accounts) {
  return await_callback<actors::catalog_reply>(
      [&node, send, &accounts](auto done) { node.release(send, std::move(accounts), std::move(done)); });
}

net::task<actors::lag_report> ask_lag(actors::node& node, actors::cluster_view_ptr& view) {
  return await_callback<actors::lag_report>(
      [&node, &view](auto done) { node.ask_lag(std::move(view), std::move(done)); });
}

} // namespace carillon::api
