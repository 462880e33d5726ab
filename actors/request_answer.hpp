#pragma once

#include "actors/message_types.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace carillon::actors {

/// Where the reply to one request goes: to who asked, or into the replies to a list, which go back together
/// when the last of them is there.
class request_answer {
public:
  using alone = caf::typed_response_promise<reply_ptr>;

  request_answer() = default;
  request_answer(alone to) : to_{std::move(to)} {}

  /// One answer for each request of a list.
  static std::vector<request_answer> for_list(std::size_t requests,
                                              caf::typed_response_promise<reply_list_ptr> to) {
    const auto all =
        std::make_shared<list>(list{std::move(to), std::make_shared<reply_list>(requests), requests});
    std::vector<request_answer> out(requests);
    for (std::size_t i = 0; i < requests; ++i)
      out[i].to_ = place{all, i};
    return out;
  }

  /// To be called once.
  void deliver(reply_ptr r) {
    if (auto* single = std::get_if<alone>(&to_)) {
      single->deliver(std::move(r));
      return;
    }
    auto& [all, index] = std::get<place>(to_);
    (*all->replies)[index] = std::move(r);
    if (--all->open == 0)
      all->to.deliver(std::move(all->replies));
  }

private:
  struct list {
    caf::typed_response_promise<reply_list_ptr> to;
    reply_list_ptr replies;
    std::size_t open = 0;
  };
  struct place {
    std::shared_ptr<list> all;
    std::size_t index = 0;
  };
  std::variant<alone, place> to_;
};

} // namespace carillon::actors
