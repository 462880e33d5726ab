#include "playground/pipeliner_scenes.hpp"

#include "playground/demo_subscriptions.hpp"

#include <fmt/format.h>

namespace carillon::playground {

namespace {

constexpr std::size_t small_amount = 2'500;
constexpr std::size_t big_amount = 48'000;
constexpr std::size_t newsletter_people = 100; ///< 40+40+20 for the importer, 30+30+30+10 for Copper
/// What all these scenes take of the limit. Should they wait for it, their delays would not show.
constexpr std::uint64_t posts = 1 + 3 + 7 + 1;

void make_room(demo_stage& stage, demo_console& console) {
  const auto now = stage.usage();
  if (now.used + posts <= now.count)
    return;
  console.say(fmt::format("\n  --  a moment, until the limit has room again: at most {} s", now.seconds));
  stage.wait_for_places(posts);
}

void show_filter(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number) {
  console.say(fmt::format(
      "\n{}. The same stream of changes in Pipeliner's dialect, with a filter: \"big-deals\" wants open\n"
      "   opportunities of {} or more. Posted are one of {}, one of {}, and a lost one of {}.\n",
      number, big_deal, small_amount, big_amount, big_amount));
  for (const auto& event :
       {changes.new_deal(small_amount), changes.new_deal(big_amount), changes.lost_deal(big_amount)})
    stage.post(event);
  stage.wait_until_idle();
}

void show_field_change(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number) {
  console.say(fmt::format(
      "\n{}. A changed field: one company is renamed, another gets a new owner. \"accounting\", Copper's,\n"
      "   hears of both; \"territory\" of the new owner only, whose record comes inside (expand).\n",
      number));
  for (const auto& event : {changes.renamed_company(), changes.new_owner()}) {
    stage.post(event);
    stage.wait_until_idle();
  }
}

void show_chunks(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number) {
  console.say(fmt::format(
      "\n{}. A bulk edit for a slow receiver: {} people get the newsletter. \"importer\" asked for at\n"
      "   most {} items a POST (chunk_size), one every {} s (chunk_delay). \"phone-book\", Copper's, gets\n"
      "   all at once.\n",
      number, newsletter_people, importer_chunk, importer_delay));
  stage.post(changes.newsletter(newsletter_people));
  stage.wait_until_idle();
}

void show_skip_key(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number) {
  console.say(fmt::format(
      "\n{}. A loop that ends at once: \"{}\" writes what it hears of back into the CRM, with its\n"
      "   key in the header Webhook-Skip-Key. What bears its key is not sent to it.\n",
      number, sync_name));
  const auto before = console.arrivals(sync_name);
  const auto change = changes.changed_task();
  stage.post(change);
  stage.wait_until_idle();
  const auto heard = console.arrivals(sync_name);
  if (heard == before)
    return console.say(fmt::format("  --  {} heard of nothing: is it paused?", sync_name));
  const auto caused = stage.post(change, sync_name);
  stage.wait_until_idle();
  if (console.arrivals(sync_name) == heard)
    console.say(fmt::format("  --  {} wrote it back with its key: accepted, {} notifications, no loop",
                            sync_name, caused));
  else
    console.say(
        fmt::format("  --  {} wrote it back, and heard of it: does it still have its skip key?", sync_name));
}

} // namespace

void play_pipeliner_scenes(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number) {
  make_room(stage, console);
  for (const auto scene : {show_filter, show_field_change, show_chunks, show_skip_key})
    scene(stage, console, changes, number++);
}

} // namespace carillon::playground
