#include "playground/demo_story.hpp"

#include "domain/time.hpp"
#include "playground/pipeliner_scenes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <stdexcept>

namespace carillon::playground {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t bulk_people = 95; ///< 30+30+30+5: Copper allows 30 ids a POST
constexpr std::size_t burst_changes = demo_limit_count + 15;
constexpr seconds between_changes{2};
constexpr milliseconds between_looks{100};
/// Until the burst's first POSTs took the window's places.
constexpr seconds longest_fill{5};
/// Until an outcome shows in the missed feed: it does within milliseconds.
constexpr seconds longest_feed{10};

/// Numbers that don't meet those of an earlier start: seconds since 2026, with room for some changes each.
std::uint64_t first_record() {
  constexpr std::chrono::seconds start_of_2026{1'767'225'600};
  const auto now = std::chrono::floor<seconds>(domain::wall_now().time_since_epoch());
  return static_cast<std::uint64_t>(std::max<std::int64_t>((now - start_of_2026).count(), 0)) * 10 +
         1'000'000;
}

} // namespace

demo_story::demo_story(const demo_access& access, demo_console& console)
    : console_(console), stage_(access), changes_(std::random_device{}(), first_record()) {}

void demo_story::play_scenes() {
  console_.say(
      "\n1. Single changes: one POST each. A line tells when it arrived, for whom, and how long after\n"
      "   the node had accepted the event.\n");
  for (const auto& event : {changes_.new_person(), changes_.moved_deal(), changes_.renamed_company(),
                            changes_.new_task(), changes_.changed_phone()}) {
    stage_.post(event);
    stage_.wait_until_idle();
  }

  console_.say(
      fmt::format("\n2. A bulk edit: one event with {} people. Copper allows 30 ids a POST.\n", bulk_people));
  stage_.post(changes_.bulk_edit(bulk_people));
  stage_.wait_until_idle();

  console_.say(fmt::format(
      "\n3. A burst: {} changes at once. The demo account may send {} in any {} s, so what is over\n"
      "   that waits, in order, and goes the moment a place is free.\n",
      burst_changes, demo_limit_count, demo_limit_seconds));
  stage_.post(changes_.burst(burst_changes));
  tell_limit();
  stage_.wait_until_idle();

  console_.say(
      "\n4. Endpoints that fail: one answers 500, one hangs up. Nothing is sent twice; what was not\n"
      "   delivered stands in the account's missed feed, with its record ids.\n");
  const auto before = console_.missed();
  stage_.post(changes_.new_lead());
  stage_.post(changes_.deleted_lead());
  stage_.wait_until_idle();
  wait_for_missed(before + 2);

  play_pipeliner_scenes(stage_, console_, changes_, 5);
}

void demo_story::live_on(std::optional<std::uint64_t> changes) {
  for (std::uint64_t i = 0; !changes || i < *changes; ++i) {
    try {
      stage_.post(changes_.any());
    } catch (const demo_stopped&) {
      throw;
    } catch (const std::runtime_error& e) {
      // Such as a full disk: a person may want to watch how it ends.
      console_.say(std::string{"  "} + e.what());
    }
    stage_.sleep(between_changes);
  }
  stage_.wait_until_idle();
}

void demo_story::tell_limit() {
  // The window fills while POSTs are under way, a few at a time to one subscription. It doesn't when somebody
  // raised the limits or paused the subscription.
  const auto deadline = domain::boot_clock::now() + longest_fill;
  for (auto now = stage_.usage();; now = stage_.usage()) {
    if (now.used >= now.count && now.pending > 0)
      return console_.say(
          fmt::format("  --  {} of {} places of the last {} s are taken, {} notifications wait", now.used,
                      now.count, now.seconds, now.pending));
    if (now.pending == 0 || domain::boot_clock::now() > deadline)
      return;
    stage_.sleep(between_looks / 10);
  }
}

void demo_story::wait_for_missed(std::uint64_t count) {
  const auto deadline = domain::boot_clock::now() + longest_feed;
  while (console_.missed() < count) {
    if (domain::boot_clock::now() > deadline)
      return console_.say("  --  not all of it did: are subscriptions paused?");
    stage_.sleep(between_looks);
  }
}

} // namespace carillon::playground
