// What an account keeps in memory for what waits: where it is found, and that it is given back.
#define CAF_SUITE account_memory
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account/notification_table.hpp"
#include "account/waiting_queue.hpp"
#include "account_fixture.hpp"

#include <numeric>
#include <random>
#include <set>

using namespace account_test;
using carillon::account::notification_table;
using carillon::account::waiting_queue;

namespace {

account::notification numbered(std::uint64_t number) {
  account::notification n;
  n.number = domain::notification_number{number};
  return n;
}

std::vector<std::uint64_t> numbers_in(const notification_table& table) {
  std::vector<std::uint64_t> all;
  table.each([&](const account::notification& n) { all.push_back(raw(n.number)); });
  return all;
}

/// Whether so much of the budget is left, and no more.
bool has_left(account::event_budget& budget, std::uint64_t bytes) {
  const bool more = budget.take(bytes + 1);
  if (more)
    budget.give_back(bytes + 1);
  const bool enough = budget.take(bytes);
  if (enough)
    budget.give_back(bytes);
  return enough && !more;
}

} // namespace

CAF_TEST(notifications are found by number and by block) {
  notification_table table;
  for (const std::uint64_t number : {200, 1, 63, 64, 127})
    table.put(numbered(number));
  CAF_CHECK(numbers_in(table) == std::vector<std::uint64_t>({1, 63, 64, 127, 200}));
  CAF_CHECK(table.find(2) == nullptr);
  CAF_CHECK(table.find(1000) == nullptr);
  const auto* block = table.find_block(1);
  CAF_REQUIRE(block != nullptr);
  CAF_CHECK_EQUAL(block->count, 2u);
  table.note_ended(*table.find(64));
  CAF_CHECK_EQUAL(table.find_block(1)->count, 2u);
  CAF_CHECK_EQUAL(table.find_block(1)->ended, 1u);
  const auto* stays = table.find(127);
  table.erase_ended();
  CAF_CHECK(numbers_in(table) == std::vector<std::uint64_t>({1, 63, 127, 200}));
  CAF_CHECK(table.find(127) == stays);
  CAF_CHECK_EQUAL(table.find_block(1)->ended, 0u);
  table.note_ended(*table.find(200));
  table.erase_ended();
  CAF_CHECK(table.find_block(3) == nullptr);
  table.put(numbered(201));
  CAF_CHECK(numbers_in(table) == std::vector<std::uint64_t>({1, 63, 127, 201}));
}

CAF_TEST(a queue is in order whatever comes and goes) {
  std::mt19937 random{7};
  waiting_queue queue;
  std::set<waiting_queue::entry> reference;
  for (int i = 0; i < 20'000; ++i) {
    const waiting_queue::entry e{domain::boot_time{std::chrono::seconds{random() % 50}}, random() % 200};
    if (random() % 3 != 0) {
      queue.insert(e);
      reference.insert(e);
    } else {
      queue.erase(e);
      reference.erase(e);
    }
  }
  CAF_REQUIRE_EQUAL(queue.size(), reference.size());
  CAF_CHECK(std::equal(queue.begin(), queue.end(), reference.begin(), reference.end()));
}

CAF_TEST(the log shows what no checkpoint holds page by page) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  constexpr std::uint64_t wanted = 70 * account::block_size;
  for (std::uint64_t i = 0; i < wanted; ++i)
    w.change(static_cast<int>(i));
  CAF_REQUIRE(w.a->unsaved());
  const auto numbers = [&w](account::query_log q) {
    std::vector<std::uint64_t> all;
    std::size_t pages = 0;
    do {
      const auto page = w.a->log(q, w.now_stamp());
      for (const auto& n : page.notifications)
        all.push_back(raw(n.number));
      q.before = page.next;
      ++pages;
    } while (q.before > 0);
    CAF_CHECK(pages > 1);
    return all;
  };
  std::vector<std::uint64_t> expected(wanted);
  std::iota(expected.rbegin(), expected.rend(), std::uint64_t{1});
  CAF_CHECK(numbers({}) == expected);
  account::query_log oldest;
  oldest.record = "0";
  CAF_CHECK(numbers(oldest) == std::vector<std::uint64_t>{1});
}

CAF_TEST(events beyond the budget are read again and all of it comes back) {
  constexpr std::uint64_t budget = 500;
  std::vector<std::string> wanted;
  for (const std::uint64_t bytes : {std::uint64_t{0}, budget, std::uint64_t{1} << 20}) {
    world w;
    w.budget.give_back(bytes);
    w.budget.take(256 * 1024);
    w.limits.windows = {{1, 60s}};
    w.start();
    w.subscribe();
    for (int i = 0; i < 20; ++i)
      w.change(i);
    CAF_CHECK_EQUAL(w.budget.take(bytes), bytes == 0); // some of it is in use
    if (bytes == 0)
      w.budget.give_back(0);
    std::vector<std::string> bodies;
    for (int i = 0; i < 20; ++i) {
      for (const auto& post : w.out)
        bodies.push_back(post.body);
      w.answer();
      w.pass(60s);
      w.turn();
    }
    CAF_REQUIRE_EQUAL(bodies.size(), 20u);
    if (wanted.empty())
      for (auto& body : bodies)
        wanted.push_back(body.substr(0, body.find("\"timestamp\"")));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      CAF_CHECK(bodies[i].starts_with(wanted[i]));
    CAF_CHECK(has_left(w.budget, bytes));
  }
}

CAF_TEST(an account that leaves gives its share of the budget back) {
  world w;
  w.limits.windows = {{1, 60s}};
  w.start();
  w.subscribe();
  for (int i = 0; i < 20; ++i)
    w.change(i);
  CAF_CHECK(!has_left(w.budget, 256 * 1024));
  w.start();
  CAF_CHECK(has_left(w.budget, 256 * 1024));
}
