#include "api/forwarding.hpp"

#include "api/forwarded_request.hpp"
#include "api/problem.hpp"
#include "config/logging.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace carillon::api {

namespace {

using namespace std::chrono_literals;

/// Longer than the longest answer: a long poll of 30 s, and an account's own time.
constexpr std::chrono::milliseconds forward_timeout{65'000};
/// A change of the catalog is told to all nodes at once; one that lags behind for so long goes on nevertheless.
constexpr auto catalog_wait = 1s;
constexpr auto catalog_look = 2ms;

class answer_wait {
public:
  answer_wait(actors::node& node, std::string to, std::string request)
      : node_{node}, to_{std::move(to)}, request_{std::move(request)} {}
  answer_wait(const answer_wait&) = delete;
  answer_wait& operator=(const answer_wait&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    loop_ = &net::task_loop::here();
    node_.forward(std::move(to_), std::move(request_), forward_timeout,
                  [this, who](std::optional<std::string> answer, bool sent) {
                    answer_ = std::move(answer);
                    sent_ = sent;
                    loop_->resume(who);
                  });
  }
  std::optional<std::string> await_resume() { return std::move(answer_); }
  bool sent() const noexcept { return sent_; }

private:
  actors::node& node_;
  std::string to_, request_;
  net::task_loop* loop_ = nullptr;
  std::optional<std::string> answer_;
  bool sent_ = false;
};

/// Until this node knows as much of accounts, keys and tokens as another did; whether it does.
net::task<bool> catalog_reached(const actors::node& node, std::uint64_t there) {
  const auto until = domain::boot_clock::now() + catalog_wait;
  while (there > node.catalog_applied() && domain::boot_clock::now() < until) {
    net::pause_for pause{catalog_look};
    co_await pause;
  }
  co_return there <= node.catalog_applied();
}

/// The key that it comes with may have been made a moment ago where it came in.
net::task<net::http_response> answer_when_known(const actors::node& node, std::uint64_t there,
                                                const forwarded_requests::answer& how, net::http_request& request) {
  co_await catalog_reached(node, there);
  co_return co_await how(request);
}

} // namespace

account::request_error nobody_serves() {
  return {503, "no-quorum", "no node of the cluster serves this at the moment; nothing was done", {}, 1, true};
}

net::task<net::http_response> forward(actors::node& node, const std::string& to, const net::http_request& request) {
  answer_wait asked{node, to, encode_request(request, node.catalog_applied())};
  const auto text = co_await asked;
  auto answer = text ? decode_answer(*text) : std::nullopt;
  if (!text && !asked.sent())
    throw refusal{nobody_serves()};
  if (!answer)
    throw refusal{account::request_error{
        503, "no-quorum", "the node that serves this is not reached; what was asked may have been done", {}, 1}};
  if (answer->moved)
    throw refusal{nobody_serves()};
  co_await catalog_reached(node, answer->catalog);
  co_return std::move(answer->response);
}

struct forwarded_requests::one final : net::task_observer {
  forwarded_requests* owner = nullptr;
  net::http_request request;
  std::function<void(std::string)> done;
  net::task<net::http_response> answering;

  void on_task_done() noexcept override {
    // Not destroyed before this returns.
    owner->loop_.post([this] {
      forwarded_answer answer;
      try {
        answer.response = answering.take();
      } catch (const refusal&) {
        answer.moved = true;
      } catch (const std::exception& e) {
        config::log(config::log_level::error, "a forwarded request failed",
                    {{"request_id", request.request_id}, {"error", e.what()}});
        answer.response.status = 500;
      }
      answer.catalog = owner->node_.catalog_applied();
      done(encode_answer(answer));
      // What comes behind is no longer this one's.
      auto& from = *owner;
      from.open_.erase(this);
      if (from.awaited_ && from.open_.empty())
        from.idle_.set_value();
    });
  }
};

forwarded_requests::forwarded_requests(actors::node& node, answer how) : node_{node}, how_{std::move(how)} {
  thread_ = std::thread{[this] {
    while (!stopping_)
      loop_.turn();
  }};
  node_.answer_forwarded_by([this](std::string request, std::function<void(std::string)> done) {
    take(std::move(request), std::move(done));
  });
}

forwarded_requests::~forwarded_requests() {
  stop(std::chrono::milliseconds{0});
}

void forwarded_requests::stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable())
    return;
  closing_ = true;
  loop_.post([this] {
    awaited_ = true;
    if (open_.empty())
      idle_.set_value();
  });
  idle_.get_future().wait_for(grace);
  loop_.post([this] { stopping_ = true; });
  thread_.join();
}

void forwarded_requests::take(std::string request, std::function<void(std::string)> done) {
  const auto elsewhere = [](const auto& answer_to) {
    forwarded_answer none;
    none.moved = true;
    answer_to(encode_answer(none));
  };
  if (closing_)
    return elsewhere(done);
  loop_.post([this, elsewhere, request = std::move(request), done = std::move(done)]() mutable {
    if (closing_)
      return elsewhere(done);
    auto decoded = decode_request(request);
    if (!decoded)
      return done({});
    auto next = std::make_unique<one>();
    auto& o = *next;
    o.owner = this;
    o.request = std::move(decoded->request);
    o.done = std::move(done);
    open_.emplace(&o, std::move(next));
    o.answering = answer_when_known(node_, decoded->catalog, how_, o.request);
    o.answering.start(o);
  });
}

} // namespace carillon::api
