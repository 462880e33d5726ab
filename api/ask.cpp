#include "api/ask.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

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

} // namespace

asio::awaitable<account::reply> ask(actors::node& node, domain::account_id whom, account::request& what,
                                    std::size_t cost, std::chrono::milliseconds timeout) {
  return await_callback<account::reply>([&node, whom, &what, cost, timeout](auto done) {
    node.ask(whom, std::move(what), cost, timeout, std::move(done));
  });
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
