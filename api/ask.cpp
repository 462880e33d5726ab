#include "api/ask.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace carillon::api {

namespace {

namespace asio = boost::asio;

/// Suspends until the callback given to `start` was called, on whichever thread, and yields what it was
/// called with.
template <class Reply, class Start>
asio::awaitable<Reply> await_callback(Start start) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Reply)>(
      [start = std::move(start)](auto handler) mutable {
        // std::function wants to be copied, a handler can't be.
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        start([waiting](Reply reply) mutable {
          const auto executor = asio::get_associated_executor(*waiting);
          asio::post(executor, [waiting = std::move(waiting), reply = std::move(reply)]() mutable {
            auto resume = std::move(*waiting);
            waiting.reset();
            resume(std::move(reply));
          });
        });
      },
      asio::use_awaitable);
}

/// One loop's questions to accounts, and their answers: what its connections ask in one turn of the loop goes
/// to the node together, and answers that come while it is busy wake it once.
///
/// A loop here is an io_context that one thread runs, and connections resume on it directly.
class post_office final : public asio::execution_context::service {
public:
  using handler = asio::any_completion_handler<void(account::reply)>;
  static inline asio::execution_context::id id;

  explicit post_office(asio::execution_context& of) : service{of}, mail_{std::make_shared<mailbox>()} {}

  void ask(const asio::any_io_executor& loop, actors::node& node, actors::node::question what, handler who) {
    what.done = [waiting = std::make_shared<letter>(letter{mail_, loop, std::move(who), {}})](
                    account::reply r) { arrived(waiting, std::move(r)); };
    std::unique_lock lock{mail_->guard};
    mail_->outgoing.push_back(std::move(what));
    const bool first = mail_->outgoing.size() == 1;
    lock.unlock();
    // Behind the other connections whose requests are at hand.
    if (first)
      asio::post(loop, [mail = mail_, &node] { node.ask(mail->take_outgoing()); });
  }

private:
  struct letter;
  struct mailbox {
    std::mutex guard;
    std::vector<actors::node::question> outgoing;
    std::vector<std::shared_ptr<letter>> incoming;

    std::vector<actors::node::question> take_outgoing() {
      const std::lock_guard lock{guard};
      return std::exchange(outgoing, {});
    }
    std::vector<std::shared_ptr<letter>> take_incoming() {
      const std::lock_guard lock{guard};
      return std::exchange(incoming, {});
    }
  };
  struct letter {
    std::shared_ptr<mailbox> mail;
    asio::any_io_executor loop;
    handler who;
    account::reply reply;
  };

  /// On an actor's thread.
  static void arrived(const std::shared_ptr<letter>& waiting, account::reply r) {
    waiting->reply = std::move(r);
    const auto& mail = waiting->mail;
    std::unique_lock lock{mail->guard};
    mail->incoming.push_back(waiting);
    const bool first = mail->incoming.size() == 1;
    lock.unlock();
    if (first)
      asio::post(waiting->loop, [mail] {
        for (const auto& each : mail->take_incoming())
          std::exchange(each->who, nullptr)(std::move(each->reply));
      });
  }

  void shutdown() override {
    mail_->take_outgoing();
    mail_->take_incoming();
  }

  std::shared_ptr<mailbox> mail_;
};

} // namespace

asio::awaitable<account::reply> ask(actors::node& node, domain::account_id whom, account::request& what,
                                    std::size_t cost, std::chrono::milliseconds timeout) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(account::reply)>(
      [&node, whom, &what, cost, timeout](auto handler) {
        const auto loop = asio::get_associated_executor(handler);
        auto& office = asio::use_service<post_office>(asio::query(loop, asio::execution::context));
        office.ask(loop, node, {whom, std::move(what), cost, timeout, nullptr}, std::move(handler));
      },
      asio::use_awaitable);
}

asio::awaitable<actors::catalog_reply> change(actors::node& node, actors::catalog_request& what) {
  return await_callback<actors::catalog_reply>(
      [&node, &what](auto done) { node.change(std::move(what), std::move(done)); });
}

asio::awaitable<actors::catalog_reply> release(actors::node& node, bool send,
                                               std::vector<std::string>& accounts) {
  return await_callback<actors::catalog_reply>(
      [&node, send, &accounts](auto done) { node.release(send, std::move(accounts), std::move(done)); });
}

} // namespace carillon::api
