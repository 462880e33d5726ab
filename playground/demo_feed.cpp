#include "playground/demo_feed.hpp"

#include "playground/demo_subscriptions.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>

namespace carillon::playground {

namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr seconds feed_wait{20};
/// After a failure.
constexpr seconds pause{2};

const std::string account_path = "/v1/accounts/" + std::string{demo_account_id};

} // namespace

demo_feed::demo_feed(const demo_access& access, demo_console& console)
    : access_(access), console_(console), client_(access.url) {
  const auto answer = client_.call("GET", account_path + "/missed?after=now", access_.as_account());
  if (answer.status != 200)
    throw std::runtime_error("the node did not show the missed feed: " + answer.body);
  after_ = json::parse(answer.body).at("next").get<std::string>();
}

void demo_feed::follow() {
  for (;;) {
    const auto where =
        account_path + "/missed?after=" + after_ + "&wait=" + std::to_string(feed_wait.count());
    try {
      const auto answer = client_.call("GET", where, access_.as_account(), {}, feed_wait + seconds{30});
      if (answer.status != 200)
        throw std::runtime_error("the missed feed can't be read: " + answer.body);
      tell(answer.body);
    } catch (const demo_stopped&) {
      return;
    } catch (const std::exception& e) {
      console_.say(std::string{"  "} + e.what());
      try {
        client_.sleep(pause);
      } catch (const demo_stopped&) {
        return;
      }
    }
  }
}

void demo_feed::tell(const std::string& page) {
  const auto content = json::parse(page);
  for (const auto& row : content.at("data")) {
    const auto subscription = row.at("subscription").get<std::string>();
    if (!names_.contains(subscription))
      names_ = subscription_names(client_, access_);
    const auto found = names_.find(subscription);
    console_.tell_missed(row.dump(), found == names_.end() ? "#" + subscription : found->second);
  }
  after_ = content.at("next").get<std::string>();
}

} // namespace carillon::playground
