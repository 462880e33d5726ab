#pragma once

#include "actors/message_types.hpp"
#include "actors/open_request.hpp"

#include <caf/typed_response_promise.hpp>

#include <utility>
#include <variant>

namespace carillon::actors {

/// Where the reply to a request goes: to the actor that asked, or outside.
class request_answer {
public:
  request_answer() = default;
  request_answer(caf::typed_response_promise<reply_ptr> to) : to_{std::move(to)} {}
  request_answer(open_request to) : to_{std::move(to)} {}

  /// To be called once.
  void deliver(account::reply reply) {
    if (auto* outside = std::get_if<open_request>(&to_))
      outside->answer(std::move(reply));
    else
      std::get<caf::typed_response_promise<reply_ptr>>(to_).deliver(
          std::make_shared<account::reply>(std::move(reply)));
  }

private:
  std::variant<caf::typed_response_promise<reply_ptr>, open_request> to_;
};

} // namespace carillon::actors
