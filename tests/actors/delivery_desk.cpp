#define CAF_SUITE delivery_desk
#define CAF_TEST_NO_MAIN
#include "actors/delivery_desk.hpp"
#include "tests/actors/node_fixture.hpp"

#include <initializer_list>
#include <iterator>
#include <utility>

using namespace actor_tests;

namespace {

/// What an account's actor heard.
struct heard {
  std::vector<std::size_t> lists; ///< how many outcomes came in each message
  std::vector<std::uint64_t> tokens;
  int slots = 0;
};

account_actor::behavior_type listener(account_actor::pointer, heard* out) {
  return {
      [](request_ptr&) { return reply_ptr{}; },
      [](open_request_list_ptr&) {},
      [](const commit_receipt&) {},
      [=](outcome_vector& list) {
        out->lists.push_back(list.size());
        for (const auto& o : list)
          out->tokens.push_back(o.token);
      },
      [](const settings_ptr&) {},
      [](wake_atom, std::uint64_t) {},
      [=](slots_atom) { ++out->slots; },
      [](load_atom) {},
      [](drain_atom) { return true; },
      [](close_atom) { return true; },
      [](open_atom) {},
      [](lost_atom) {},
      [](resume_atom) {},
      [](left_atom) {},
      [](idle_atom, std::uint64_t) {},
  };
}

struct fixture : test_coordinator_fixture<test_config> {
  ~fixture() override {
    for (const auto& actor : actors)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    actors.clear();
    sched.run();
  }
  account_actor account(heard& out) {
    actors.push_back(sys.spawn(listener, &out));
    return actors.back();
  }
  static job_vector jobs(std::uint64_t owner, std::initializer_list<std::uint64_t> tokens) {
    job_vector made(tokens.size());
    std::size_t i = 0;
    for (const auto token : tokens) {
      made[i].owner = owner;
      made[i++].token = token;
    }
    return made;
  }
  static outcome_vector outcomes(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> which) {
    outcome_vector made;
    for (const auto& [owner, token] : which)
      made.push_back({owner, token, {}});
    return made;
  }

  /// What the engine says; whether the desk keeps something back.
  bool ended(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> which) {
    const bool keeps = desk.ended(outcomes(which), now);
    sched.run();
    return keeps;
  }

  domain::boot_time now{std::chrono::hours{1}};
  std::vector<account_actor> actors;
  net::slot_pool slots{4};
  job_vector made;
  delivery_desk desk{
      slots, [this](job_vector list) { std::move(list.begin(), list.end(), std::back_inserter(made)); }};
};

using tokens = std::vector<std::uint64_t>;
using sizes = std::vector<std::size_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(delivery_desk_tests, fixture)

CAF_TEST(each account hears of its own POSTs in one message) {
  heard one, two;
  const auto first = account(one), second = account(two);
  CAF_REQUIRE_EQUAL(slots.try_acquire(4), 4u);
  desk.submit(jobs(1, {11, 12}), first);
  desk.submit(jobs(2, {11, 22}), second);
  CAF_CHECK_EQUAL(made.size(), 4u);
  CAF_CHECK(!ended({{2, 22}, {1, 12}, {2, 11}, {1, 11}}));
  CAF_CHECK_EQUAL(one.lists, sizes{2});
  CAF_CHECK_EQUAL(one.tokens, (tokens{12, 11}));
  CAF_CHECK_EQUAL(two.lists, sizes{2});
  CAF_CHECK_EQUAL(two.tokens, (tokens{22, 11}));
  CAF_CHECK_EQUAL(slots.available(), 4);
}

CAF_TEST(outcomes of POSTs under way together come in one message) {
  heard one, two;
  desk.submit(jobs(1, {11, 12, 13}), account(one));
  desk.submit(jobs(2, {21, 22}), account(two));
  CAF_CHECK(ended({{1, 12}}));
  CAF_CHECK(ended({{1, 11}, {2, 21}}));
  CAF_CHECK(one.lists.empty());
  CAF_CHECK(two.lists.empty());
  CAF_CHECK(ended({{1, 13}})); // the other account's is still kept back
  CAF_CHECK_EQUAL(one.tokens, (tokens{12, 11, 13}));
  CAF_CHECK_EQUAL(one.lists, sizes{3});
  CAF_CHECK(!ended({{2, 22}}));
  CAF_CHECK_EQUAL(two.lists, sizes{2});
}

CAF_TEST(an outcome does not wait for a POST that takes long) {
  heard one;
  desk.submit(jobs(1, {11, 12, 13}), account(one));
  CAF_CHECK(ended({{1, 11}}));
  now += delivery_desk::longest_gathering - std::chrono::nanoseconds{1};
  CAF_CHECK(ended({{1, 12}}));
  CAF_CHECK(one.lists.empty());
  now += std::chrono::nanoseconds{1};
  CAF_CHECK(!ended({}));
  CAF_CHECK_EQUAL(one.lists, sizes{2});
  CAF_CHECK(!ended({{1, 13}}));
  CAF_CHECK_EQUAL(one.tokens, (tokens{11, 12, 13}));
}

CAF_TEST(slots are free though their outcomes are kept back) {
  heard one;
  CAF_REQUIRE_EQUAL(slots.try_acquire(4), 4u);
  desk.submit(jobs(1, {11, 12}), account(one));
  CAF_CHECK(ended({{1, 11}}));
  CAF_CHECK(one.lists.empty());
  CAF_CHECK_EQUAL(slots.available(), 1);
}

CAF_TEST(who follows an actor hears of what is under way) {
  heard before, after;
  desk.submit(jobs(1, {11, 12, 13}), account(before));
  CAF_CHECK(ended({{1, 12}}));
  now += delivery_desk::longest_gathering;
  CAF_CHECK(!ended({}));
  const auto next = account(after);
  CAF_CHECK_EQUAL(desk.resume(domain::account_id{1}, next), (tokens{11, 13}));
  CAF_CHECK_EQUAL(desk.resume(domain::account_id{2}, next), tokens{});
  CAF_CHECK(!ended({{1, 13}, {1, 11}}));
  CAF_CHECK_EQUAL(before.tokens, tokens{12});
  CAF_CHECK_EQUAL(after.tokens, (tokens{13, 11}));
  CAF_CHECK_EQUAL(desk.resume(domain::account_id{1}, next), tokens{});
}

CAF_TEST(who follows an actor gets the outcomes that were kept back) {
  heard before, after;
  desk.submit(jobs(1, {11, 12}), account(before));
  CAF_CHECK(ended({{1, 12}}));
  CAF_CHECK_EQUAL(desk.resume(domain::account_id{1}, account(after)), (tokens{11, 12}));
  CAF_CHECK(!ended({{1, 11}}));
  CAF_CHECK(before.lists.empty());
  CAF_CHECK_EQUAL(after.tokens, (tokens{12, 11}));
}

CAF_TEST(what is left behind waits for the next owner) {
  heard before, after;
  const auto first = account(before);
  desk.submit(jobs(1, {11, 12, 13}), first);
  CAF_CHECK(ended({{1, 11}})); // kept back
  desk.leave_behind(domain::account_id{1}, first, outcomes({{1, 10}})); // told, and not written down
  CAF_CHECK(!ended({{1, 12}}));
  CAF_CHECK(before.tokens.empty());
  CAF_CHECK_EQUAL(desk.resume(domain::account_id{1}, account(after)), (tokens{13, 10, 11, 12}));
  sched.run();
  CAF_CHECK_EQUAL(after.tokens, (tokens{10, 11, 12}));
  CAF_CHECK(!desk.wait_until_idle(std::chrono::milliseconds{0}));
  CAF_CHECK(!ended({{1, 13}}));
  CAF_CHECK_EQUAL(after.tokens, (tokens{10, 11, 12, 13}));
  CAF_CHECK(desk.wait_until_idle(std::chrono::milliseconds{0}));
}

CAF_TEST(who has another owner already leaves to it what was not written down) {
  heard before, after;
  const auto first = account(before);
  desk.submit(jobs(1, {11}), first);
  desk.resume(domain::account_id{1}, account(after));
  desk.leave_behind(domain::account_id{1}, first, outcomes({{1, 10}}));
  CAF_CHECK(!ended({{1, 11}}));
  CAF_CHECK_EQUAL(after.tokens, (tokens{10, 11}));
}

CAF_TEST(what nobody asks for is forgotten after a while) {
  heard before;
  const auto first = account(before);
  desk.submit(jobs(1, {11}), first);
  desk.leave_behind(domain::account_id{1}, first, {});
  now = domain::boot_clock::now();
  CAF_CHECK(!ended({{1, 11}}));
  CAF_CHECK(!desk.wait_until_idle(std::chrono::milliseconds{0}));
  now += delivery_desk::longest_left_behind + std::chrono::seconds{1};
  CAF_CHECK(!ended({}));
  CAF_CHECK(desk.wait_until_idle(std::chrono::milliseconds{0}));
}

CAF_TEST(free slots are told to as many as there are and those who waited longest) {
  heard one, two, three;
  const auto first = account(one), second = account(two), third = account(three);
  CAF_REQUIRE_EQUAL(slots.try_acquire(4), 4u);
  desk.submit(jobs(1, {11, 12, 13, 14}), first);
  desk.wait_for_slots(first);
  desk.wait_for_slots(second);
  desk.wait_for_slots(third);
  sched.run();
  CAF_CHECK_EQUAL(one.slots + two.slots + three.slots, 0);
  ended({{1, 11}, {1, 12}});
  CAF_CHECK_EQUAL(one.slots, 1);
  CAF_CHECK_EQUAL(two.slots, 1);
  CAF_CHECK_EQUAL(three.slots, 0);
  desk.wait_for_slots(first); // there are some
  sched.run();
  CAF_CHECK_EQUAL(one.slots, 2);
  ended({{1, 13}});
  CAF_CHECK_EQUAL(three.slots, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
