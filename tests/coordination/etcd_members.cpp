#define CAF_SUITE etcd_members
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/coordination/etcd_fixture.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

using namespace etcd_fixture;
using namespace std::chrono_literals;

namespace {

/// Puts a key of its own, again until it is there: after an unknown answer it may be already. Throws when that is
/// of no use for long.
void put_for_sure(configuration_store& store, const std::string& key) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    const auto answer = swap(store, {key, 0, "x", 0});
    if (!answer.error)
      return; // made, or there already
  }
  throw std::runtime_error("no swap goes through");
}

std::set<std::string> told(const std::vector<watch_report>& all) {
  std::set<std::string> out;
  for (const auto& report : all)
    for (const auto& each : report.changes)
      out.insert(each.key);
  return out;
}

std::set<std::string> keys(const get_result& read) {
  std::set<std::string> out;
  for (const auto& each : read.entries)
    out.insert(each.key);
  return out;
}

} // namespace

CAF_TEST(calls and watches go on when the leader stops and when it comes back) {
  etcd_members members;
  const auto leader = members.leader();
  auto urls = members.urls();
  // All begin with the one that will be stopped: the watch's stream, too.
  std::swap(urls[0], urls[leader]);
  etcd_settings settings;
  settings.endpoints = urls;
  auto store = make_etcd_store(settings);
  wait_until_up(*store);
  auto all = std::make_shared<heard<watch_report>>();
  const auto watching = store->watch("/m/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  const auto lease = [&] {
    lease_result granted;
    do
      granted = grant(*store, 60s);
    while (granted.error);
    return granted;
  }();
  heard<std::string> lost;
  const auto keeping = store->keep_alive(lease.lease, lease.ttl, [&](std::string why) { lost(std::move(why)); });

  int next = 0;
  const auto put = [&](int count) {
    for (const int end = next + count; next < end; ++next)
      put_for_sure(*store, "/m/" + std::to_string(next));
  };
  const auto all_told = [&] {
    get_result read;
    do
      read = get(*store, "/m/", reach::prefix);
    while (read.error);
    CAF_CHECK_EQUAL(read.entries.size(), static_cast<std::size_t>(next));
    return all->wait([&](const auto& seen) {
      const auto heard_of = told(seen);
      return std::ranges::includes(heard_of, keys(read)) && seen.back().stream == watch_report::state::following;
    });
  };
  put(5);
  CAF_CHECK(all_told());
  members[leader].pause();
  put(10);
  CAF_CHECK(all_told());
  members[leader].go_on();
  put(5);
  CAF_CHECK(all_told());
  // Each was told at its own revision, and none twice.
  std::map<std::string, std::set<revision>> revisions;
  for (const auto& report : all->all())
    for (const auto& each : report.changes) {
      CAF_CHECK(each.now.has_value());
      CAF_CHECK(revisions[each.key].insert(each.at).second);
    }
  CAF_CHECK(std::ranges::all_of(revisions, [](const auto& each) { return each.second.size() == 1; }));
  CAF_CHECK(lost.all().empty());
}

CAF_TEST(without a majority nothing changes and a watch says so) {
  etcd_members members;
  const auto leader = members.leader();
  etcd_settings settings;
  settings.endpoints = members.urls();
  auto store = make_etcd_store(settings);
  wait_until_up(*store);
  auto all = std::make_shared<heard<watch_report>>();
  const auto watching = store->watch("/q/", 0, [all](watch_report report) { (*all)(std::move(report)); });
  put_for_sure(*store, "/q/before");
  CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::following; }));
  // The one that is left answers, but has nobody to agree with.
  members[leader].pause();
  members[(leader + 1) % 3].pause();
  CAF_CHECK(all->wait([](const auto& seen) { return seen.back().stream == watch_report::state::lost; }));
  CAF_CHECK(get(*store, "/q/", reach::prefix).error.has_value());
  const auto failed = swap(*store, {"/q/during", 0, "x", 0});
  CAF_REQUIRE(failed.error);
  CAF_CHECK(failed.error->what == failure::unreachable || failed.error->what == failure::unknown);
  members[leader].go_on();
  members[(leader + 1) % 3].go_on();
  put_for_sure(*store, "/q/after");
  CAF_CHECK(all->wait([](const auto& seen) {
    return told(seen).contains("/q/after") && seen.back().stream == watch_report::state::following;
  }));
}
