#include "playground/demo_story.hpp"

#include "domain/time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>

namespace carillon::playground {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t bulk_people = 95; ///< 30+30+30+5: Copper allows 30 ids a POST
constexpr std::size_t burst_changes = demo_limit_count + 15;
constexpr seconds between_changes{2};
constexpr milliseconds between_looks{100};
/// A scene is over long before: its longest part is one window of the limit.
constexpr seconds longest_scene{60};
/// Until the burst's first POSTs took the window's places.
constexpr seconds longest_fill{5};
/// Until an outcome shows in the missed feed: it does within milliseconds.
constexpr seconds longest_feed{10};
constexpr seconds feed_wait{20};

const std::string account_path = "/v1/accounts/" + std::string{demo_account_id};

/// Numbers that don't meet those of an earlier start: seconds since 2026, with room for some changes each.
std::uint64_t first_record() {
  constexpr std::chrono::seconds start_of_2026{1'767'225'600};
  const auto now = std::chrono::floor<seconds>(domain::wall_now().time_since_epoch());
  return static_cast<std::uint64_t>(std::max<std::int64_t>((now - start_of_2026).count(), 0)) * 10 +
         1'000'000;
}

json usage(demo_client& client, const demo_access& access) {
  const auto answer = client.call("GET", account_path + "/usage", access.as_account());
  if (answer.status != 200)
    throw std::runtime_error("the node did not tell the account's usage: " + answer.body);
  return json::parse(answer.body);
}

} // namespace

demo_story::demo_story(const demo_access& access, demo_console& console)
    : access_(access), console_(console), client_(access.url),
      changes_(std::random_device{}(), first_record()) {}

void demo_story::play_scenes() {
  console_.say(
      "\n1. Single changes: one POST each. A line tells when it arrived, for whom, and how long after\n"
      "   the node had accepted the event.\n");
  for (const auto& event : {changes_.new_person(), changes_.moved_deal(), changes_.renamed_company(),
                            changes_.new_task(), changes_.changed_phone()}) {
    post(event);
    wait_until_idle();
  }

  console_.say(
      fmt::format("\n2. A bulk edit: one event with {} people. Copper allows 30 ids a POST.\n", bulk_people));
  post(changes_.bulk_edit(bulk_people));
  wait_until_idle();

  console_.say(fmt::format(
      "\n3. A burst: {} changes at once. The demo account may send {} in any {} s, so what is over\n"
      "   that waits, in order, and goes the moment a place is free.\n",
      burst_changes, demo_limit_count, demo_limit_seconds));
  post(changes_.burst(burst_changes));
  tell_limit();
  wait_until_idle();

  console_.say(
      "\n4. Endpoints that fail: one answers 500, one hangs up. Nothing is sent twice; what was not\n"
      "   delivered stands in the account's missed feed, with its record ids.\n");
  const auto before = console_.missed();
  post(changes_.new_lead());
  post(changes_.deleted_lead());
  wait_until_idle();
  wait_for_missed(before + 2);
}

void demo_story::live_on(std::optional<std::uint64_t> changes) {
  for (std::uint64_t i = 0; !changes || i < *changes; ++i) {
    try {
      post(changes_.any());
    } catch (const demo_stopped&) {
      throw;
    } catch (const std::runtime_error& e) {
      // Such as a full disk: a person may want to watch how it ends.
      console_.say(std::string{"  "} + e.what());
    }
    client_.sleep(between_changes);
  }
  wait_until_idle();
}

void demo_story::post(const std::string& events) {
  const auto answer = client_.call("POST", account_path + "/events", access_.as_saas(), events);
  if (answer.status != 202)
    throw std::runtime_error("the node did not accept an event: " + std::to_string(answer.status) + " " +
                             answer.body);
}

void demo_story::tell_limit() {
  // The window fills while POSTs are under way, a few at a time to one subscription. It doesn't when somebody
  // raised the limits or paused the subscription.
  const auto deadline = domain::boot_clock::now() + longest_fill;
  for (auto now = usage(client_, access_);; now = usage(client_, access_)) {
    const auto& window = now.at("windows").at(0);
    const auto used = window.at("used").get<std::uint64_t>();
    const auto count = window.at("count").get<std::uint64_t>();
    const auto waiting = now.at("pending").at("notifications").get<std::uint64_t>();
    if (used >= count && waiting > 0)
      return console_.say(
          fmt::format("  --  {} of {} places of the last {} s are taken, {} notifications wait", used, count,
                      window.at("seconds").get<std::uint64_t>(), waiting));
    if (waiting == 0 || domain::boot_clock::now() > deadline)
      return;
    client_.sleep(between_looks / 10);
  }
}

void demo_story::wait_until_idle() {
  const auto deadline = domain::boot_clock::now() + longest_scene;
  for (;;) {
    const auto now = usage(client_, access_);
    if (now.at("in_flight") == 0 && (now.at("pending").at("notifications") == 0 || only_held_ones_wait()))
      return;
    if (domain::boot_clock::now() > deadline)
      throw std::runtime_error("notifications did not end in time; the account's usage: " + now.dump());
    client_.sleep(between_looks);
  }
}

bool demo_story::only_held_ones_wait() {
  const auto list = [&](const std::string& what) {
    const auto answer = client_.call("GET", account_path + what, access_.as_account());
    if (answer.status != 200)
      throw std::runtime_error("the node did not show the account's " + what + ": " + answer.body);
    return json::parse(answer.body).at("data");
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

void demo_story::wait_for_missed(std::uint64_t count) {
  const auto deadline = domain::boot_clock::now() + longest_feed;
  while (console_.missed() < count) {
    if (domain::boot_clock::now() > deadline)
      return console_.say("  --  not all of it did: are subscriptions paused?");
    client_.sleep(between_looks);
  }
}

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
        client_.sleep(between_changes);
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
