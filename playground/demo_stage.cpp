#include "playground/demo_stage.hpp"

#include "domain/time.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <stdexcept>

namespace carillon::playground {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds between_looks{100};
/// A scene is over long before: its longest part is one window of the limit.
constexpr seconds longest_scene{60};

const std::string account_path = "/v1/accounts/" + std::string{demo_account_id};

} // namespace

std::uint64_t demo_stage::post(const std::string& events, std::string_view skip_key) {
  auto headers = access_.as_saas();
  if (!skip_key.empty())
    headers.emplace_back("Webhook-Skip-Key", skip_key);
  const auto answer = client_.call("POST", account_path + "/events", headers, events);
  return json::parse(answer.expect({202}, "post an event")).at("notifications").get<std::uint64_t>();
}

demo_usage demo_stage::usage() {
  const auto answer = client_.call("GET", account_path + "/usage", access_.as_account());
  const auto all = json::parse(answer.expect({200}, "see the account's usage"));
  const auto& window = all.at("windows").at(0);
  demo_usage now;
  window.at("used").get_to(now.used);
  window.at("count").get_to(now.count);
  window.at("seconds").get_to(now.seconds);
  all.at("pending").at("notifications").get_to(now.pending);
  all.at("in_flight").get_to(now.in_flight);
  return now;
}

void demo_stage::wait_until_idle() {
  const auto deadline = domain::boot_clock::now() + longest_scene;
  for (;;) {
    const auto now = usage();
    if (now.in_flight == 0 && (now.pending == 0 || only_held_ones_wait()))
      return;
    if (domain::boot_clock::now() > deadline)
      throw std::runtime_error("notifications did not end in time: " + std::to_string(now.pending) +
                               " wait, " + std::to_string(now.in_flight) + " are in flight");
    client_.sleep(between_looks);
  }
}

void demo_stage::wait_for_places(std::uint64_t places) {
  auto now = usage();
  const auto deadline = domain::boot_clock::now() + seconds{now.seconds + 1};
  while (now.used + places > now.count && domain::boot_clock::now() < deadline) {
    client_.sleep(between_looks);
    now = usage();
  }
}

bool demo_stage::only_held_ones_wait() {
  const auto list = [&](const std::string& what) {
    const auto answer = client_.call("GET", account_path + what, access_.as_account());
    return json::parse(answer.expect({200}, "see the account's " + what)).at("data");
  };
  std::set<std::string> held;
  for (const auto& one : list("/subscriptions?limit=500"))
    if (one.at("status") != "active")
      held.insert(one.at("id").get<std::string>());
  for (const auto& one : list("/notifications?state=pending&limit=500"))
    if (!held.contains(one.at("subscription").get<std::string>()))
      return false;
  return true;
}

} // namespace carillon::playground
