#pragma once

#include "account/requests.hpp"
#include "domain/ids.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace carillon::actors {

/// One request from outside, and where its answer goes.
struct ask {
  domain::account_id account{};
  account::request what;
  std::size_t cost = 0; ///< bytes it holds until it is answered
  std::chrono::milliseconds timeout{};
  std::function<void(account::reply)> done; ///< called exactly once, on whichever thread
  bool came_back = false;                   ///< once already, of its sender
};
using ask_ptr = std::shared_ptr<ask>;
using ask_list = std::vector<ask_ptr>;

/// Who sent requests on their way. Thread-safe.
class request_sender {
public:
  virtual ~request_sender() = default;
  virtual void answered(const ask_ptr& by, account::reply reply) = 0;
  /// The account's actor was gone when the request came: nothing of it was decided.
  virtual void came_back(ask_ptr unread) = 0;
};

/// A request on its way to its account, and there until it is answered; its holder owns what is asked. One that is
/// dropped comes back to its sender when nobody has read it, and else answers itself that its outcome isn't known.
class open_request {
public:
  open_request() = default;
  open_request(std::shared_ptr<request_sender> sender, ask_ptr what)
      : sender_{std::move(sender)}, ask_{std::move(what)} {}
  open_request(open_request&&) noexcept = default;
  open_request& operator=(open_request&& other) noexcept {
    open_request old{std::exchange(sender_, std::move(other.sender_)), std::exchange(ask_, std::move(other.ask_))};
    old.read_ = std::exchange(read_, other.read_);
    return *this;
  }
  ~open_request() {
    if (ask_ && read_)
      answer(account::request_error{503, "overloaded", "the account stopped; what was asked may have been done", {}, 1});
    else if (ask_)
      sender_->came_back(std::move(ask_));
  }

  /// What is asked; whoever reads it must answer it.
  std::shared_ptr<account::request> read() {
    read_ = true;
    return {ask_, &ask_->what};
  }
  /// To be called once.
  void answer(account::reply reply) { sender_->answered(std::exchange(ask_, nullptr), std::move(reply)); }

private:
  std::shared_ptr<request_sender> sender_;
  ask_ptr ask_; ///< null: answered
  bool read_ = false;
};
using open_request_list = std::vector<open_request>;
using open_request_list_ptr = std::shared_ptr<open_request_list>;

} // namespace carillon::actors
