#define CAF_SUITE request_lists
#define CAF_TEST_NO_MAIN
#include "node_fixture.hpp"

#include "config/defaults.hpp"

using namespace actor_tests;

namespace {

struct fixture : node_fixture {
  struct place {
    std::optional<account::reply> reply;
    int times = 0;
  };
  ask_list list;

  /// Adds a request to the list that `send` sends; the reply comes into the returned place.
  std::shared_ptr<place> add(domain::account_id who, account::request what, std::size_t cost = 1) {
    auto answer = std::make_shared<place>();
    auto one = std::make_shared<actors::ask>();
    one->account = who;
    one->what = std::move(what);
    one->cost = cost;
    one->timeout = std::chrono::seconds{30};
    one->done = [answer](account::reply r) {
      answer->reply = std::move(r);
      ++answer->times;
    };
    list.push_back(std::move(one));
    return answer;
  }
  void send() {
    door->take(std::exchange(list, {}));
    sched.run();
  }
  account_actor actor_of(domain::account_id who) {
    caf::scoped_actor asker{sys};
    auto pending = asker->request(where, caf::infinite, lookup_atom_v, who);
    sched.run();
    account_actor actor;
    pending.receive([&](const account_actor& found) { actor = found; },
                    [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
    return actor;
  }
  /// Records of all its notifications; events that came together share one.
  std::size_t records(domain::account_id who) {
    const auto log = ask(who, account::query_log{});
    std::size_t sum = 0;
    for (const auto& n : std::get<account::log_reply>(**log).notifications)
      sum += n.records.size();
    return sum;
  }
  static bool accepted(const place& p) {
    return p.times == 1 && std::holds_alternative<account::submit_reply>(*p.reply);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(request_lists_tests, fixture)

CAF_TEST(each request of a list is answered once and none before its commit) {
  const auto acme = create("acme");
  const auto other = create("other");
  subscribe(acme);
  subscribe(other);
  account::query_missed waits_for_misses;
  waits_for_misses.after = 0;
  waits_for_misses.wait = std::chrono::seconds{60};
  held.at_once = false;
  const auto first = add(acme, person(1));
  const auto elsewhere = add(other, person(2));
  const auto second = add(acme, person(3));
  const auto poll = add(acme, waits_for_misses);
  const auto third = add(acme, person(4));
  const auto nobody = add(domain::account_id{12345}, person(5));
  send();
  CAF_CHECK_EQUAL(first->times + second->times + third->times + elsewhere->times + poll->times, 0);
  CAF_CHECK(nobody->times == 1 && std::get<account::request_error>(*nobody->reply).status == 404);
  // One batch an account; of two in one shard the second waits for the row of the first.
  CAF_CHECK_EQUAL(held.rows.size(), store.shard_of(acme) == store.shard_of(other) ? 1u : 2u);
  commit_held();
  commit_held(); // what came behind the first batch
  CAF_CHECK(accepted(*first) && accepted(*second) && accepted(*third) && accepted(*elsewhere));
  CAF_CHECK_EQUAL(poll->times, 0); // waits on, and holds nobody up
  CAF_CHECK_EQUAL(records(acme), 3u);
}

CAF_TEST(what is over the credit is refused alone) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto large = add(acme, person(1), config::defaults::ingress_bytes_per_account - 1);
  const auto small = add(acme, person(2), 1);
  const auto over = add(acme, person(3), 1);
  send();
  CAF_CHECK(over->times == 1 && std::get<account::request_error>(*over->reply).status == 429);
  commit_held();
  commit_held();
  CAF_CHECK(accepted(*large) && accepted(*small));
  const auto after = add(acme, person(4), config::defaults::ingress_bytes_per_account);
  send();
  commit_held();
  CAF_CHECK(accepted(*after)); // the credit is back
}

CAF_TEST(a list that finds its account gone is decided by the next actor) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto actor = actor_of(acme);
  const auto first = add(acme, person(1));
  const auto second = add(acme, person(2));
  // The list reaches the actor behind its end, and before anybody hears of that.
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  send();
  CAF_CHECK(accepted(*first) && accepted(*second));
  CAF_CHECK_EQUAL(records(acme), 2u);
}

CAF_TEST(what an actor has read when it ends is answered as not known and not asked again) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto decided = add(acme, person(1));
  send();
  const auto waiting = add(acme, person(2));
  send();
  caf::anon_send_exit(actor_of(acme), caf::exit_reason::kill);
  sched.run();
  for (const auto& each : {decided, waiting})
    CAF_CHECK(each->times == 1 && std::get<account::request_error>(*each->reply).status == 503);
  commit_held();
  held.at_once = true;
  CAF_CHECK_EQUAL(records(acme), 1u); // the batch was on its way
  const auto large = add(acme, person(3), config::defaults::ingress_bytes_per_account);
  send();
  CAF_CHECK(accepted(*large)); // their credit is back
}

CAF_TEST(what comes back a second time is answered) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto one = add(acme, person(1));
  const auto request = list.front();
  request->came_back = true;
  const auto actor = actor_of(acme);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  send();
  CAF_CHECK(one->times == 1 && std::get<account::request_error>(*one->reply).slug == "overloaded");
  CAF_CHECK_EQUAL(records(acme), 0u);
}

CAF_TEST(a refused batch is told to each of its requests) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto first = add(acme, person(1));
  const auto second = add(acme, person(2));
  send();
  refuse_held();
  for (const auto& each : {first, second})
    CAF_CHECK(each->times == 1 && std::get<account::request_error>(*each->reply).slug == "store-full");
}

CAF_TEST_FIXTURE_SCOPE_END()
