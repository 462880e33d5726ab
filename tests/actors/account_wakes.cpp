#define CAF_SUITE account_wakes
#define CAF_TEST_NO_MAIN
#include "actors/sweeper.hpp"
#include "storage/keys.hpp"
#include "tests/actors/node_fixture.hpp"

#include <thread>

using namespace actor_tests;

namespace {

struct wakes_fixture : node_fixture {
  catalog_reply release(bool send, const std::vector<std::string>& accounts, bool refuse = false) {
    caf::scoped_actor asker{sys};
    auto pending = asker->request(where, caf::infinite, release_atom_v, send, accounts);
    sched.run();
    if (refuse)
      refuse_held();
    catalog_reply reply;
    pending.receive([&](const catalog_reply_ptr& answer) { reply = *answer; },
                    [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
    return reply;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(account_wakes_tests, wakes_fixture)

CAF_TEST(a timer that was set before a refused batch does not keep the next one from being set) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto late = domain::boot_clock::now() + std::chrono::seconds{1};
  account::query_missed q;
  q.wait = std::chrono::seconds{1};
  const auto poll = ask(acme, q);
  CAF_CHECK(!poll->has_value());
  held.at_once = false;
  ask(acme, person(1));
  refuse_held();
  held.at_once = true;
  pass(std::chrono::seconds{1}); // it loads again
  while (domain::boot_clock::now() <= late + std::chrono::milliseconds{100})
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  CAF_CHECK(!poll->has_value());
  pass(std::chrono::seconds{2});
  CAF_CHECK(poll->has_value());
}

CAF_TEST(an account without a slot asks once and also finds those that another engine freed) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto all = node->slots.try_acquire(1000);
  ask(acme, person(1));
  ask(acme, person(2));
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(out.hungry.size(), 1u);
  node->slots.release(all); // nobody tells it
  pass(std::chrono::seconds{1});
  CAF_CHECK(!out.jobs.empty());
}

CAF_TEST(while draining nobody asks for slots) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto all = node->slots.try_acquire(1000);
  node->held = true;
  caf::anon_send(where, reload_atom_v);
  sched.run();
  ask(acme, person(1));
  node->slots.release(all);
  node->draining = true;
  node->held = false;
  caf::anon_send(where, reload_atom_v);
  sched.run();
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK(out.hungry.empty());
}

CAF_TEST(a named account that was released stays released) {
  const auto acme = create("acme");
  subscribe(acme);
  node->held = true;
  caf::anon_send(where, reload_atom_v);
  sched.run();
  ask(acme, person(1));
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK(std::holds_alternative<account::done_reply>(release(true, {"acme"})));
  CAF_CHECK_EQUAL(out.jobs.size(), 1u);
  change(put("acme", false, "a new name"));
  ask(acme, person(2));
  CAF_CHECK_EQUAL(out.jobs.size(), 2u);
}

CAF_TEST(what should have expired and could not be written down is not sent) {
  const auto acme = create("acme");
  subscribe(acme);
  node->held = true;
  caf::anon_send(where, reload_atom_v);
  sched.run();
  ask(acme, person(1));
  held.at_once = false;
  const auto reply = release(false, {"*"}, true);
  CAF_CHECK(std::holds_alternative<account::request_error>(reply));
  held.at_once = true;
  pass(std::chrono::seconds{2});
  CAF_CHECK(node->held);
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(usage(acme).pending, 1u);
}

CAF_TEST(a deleted account goes only after its last outcome and then altogether) {
  // The walk stands just before its look for deleted accounts, which then meets one that never saved itself.
  const auto walk = sys.spawn(sweeper, node, shards, system_shard, where);
  pass(std::chrono::seconds{4});
  const auto acme = create("acme");
  subscribe(acme);
  domain::parse_error error;
  const auto with_id =
      domain::parse_events(R"({"id":"e-1","entity":"Contact","action":"Create","record_id":1})", {}, error);
  ask(acme, account::submit_events{with_id->events, {}});
  CAF_REQUIRE_EQUAL(out.jobs.size(), 1u);
  const auto steps = std::chrono::seconds{static_cast<int>(shards.size()) * 5 * 3};
  CAF_CHECK(std::holds_alternative<account::done_reply>(change(remove_account{"acme"})));
  pass(steps);
  const storage::catalog catalog{store};
  CAF_CHECK(catalog.find_account(acme).has_value());
  const auto revisions = storage::key(store.shard_of(acme), storage::row_kind::subscription, raw(acme));
  CAF_CHECK(!node->reader.range(revisions, {}, 1).empty()); // a reload would need them
  const auto ids = storage::key(store.shard_of(acme), storage::row_kind::event_id, raw(acme));
  CAF_CHECK(!node->reader.range(ids, {}, 1).empty());
  outcome(out.jobs[0], domain::notification_state::delivered);
  for (int round = 0; round < 20 && catalog.find_account(acme); ++round)
    pass(steps);
  CAF_CHECK(!catalog.find_account(acme));
  const auto shard = store.shard_of(acme);
  for (const auto kind :
       {storage::row_kind::account, storage::row_kind::awake, storage::row_kind::subscription,
        storage::row_kind::block, storage::row_kind::event_id, storage::row_kind::missed})
    CAF_CHECK(node->reader.range(storage::key(shard, kind, raw(acme)), {}, 1).empty());
  caf::anon_send_exit(walk, caf::exit_reason::kill);
  sched.run();
}

CAF_TEST(a deletion that a crash cut short is taken up again) {
  const auto acme = create("acme");
  subscribe(acme);
  node->held = true;
  caf::anon_send(where, reload_atom_v);
  sched.run();
  ask(acme, person(1));
  pass(std::chrono::seconds{6}); // it saves itself with a notification waiting
  // The catalog says so, but the account never heard of it.
  auto profile = *storage::catalog{store}.find_account(acme);
  profile.state = storage::account_state::deleting;
  domain::batch b;
  b.tables = storage::plan_put_account(profile);
  caf::anon_send(system_shard, propose_atom_v, std::move(b));
  sched.run();
  const auto again = sys.spawn(directory, node, directory_neighbours{shards, system_shard, {engine}});
  caf::anon_send_exit(where, caf::exit_reason::kill);
  sched.run();
  const auto walk = sys.spawn(sweeper, node, shards, system_shard, again);
  const auto steps = std::chrono::seconds{static_cast<int>(shards.size()) * 5 * 3};
  for (int round = 0; round < 20 && storage::catalog{store}.find_account(acme); ++round)
    pass(steps);
  CAF_CHECK(!storage::catalog{store}.find_account(acme));
  CAF_CHECK(out.jobs.empty());
  caf::anon_send_exit(walk, caf::exit_reason::kill);
  caf::anon_send_exit(again, caf::exit_reason::kill);
  sched.run();
}

CAF_TEST(rows of an account that is gone do not hold the mark of the log back) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto profile = *storage::catalog{store}.find_account(acme);
  domain::batch b;
  b.tables = storage::plan_delete_account(profile);
  caf::anon_send(system_shard, propose_atom_v, std::move(b));
  sched.run();
  const auto number = store.shard_of(acme);
  const auto later = sys.spawn(shard, node, number, write, into(write)); // as after a restart
  caf::scoped_actor asker{sys};
  auto pending = asker->request(later, caf::infinite, unsaved_atom_v);
  sched.run();
  pending.receive([](const std::vector<std::uint64_t>& accounts) { CAF_CHECK(accounts.empty()); },
                  [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
  caf::anon_send_exit(later, caf::exit_reason::kill);
  sched.run();
}

CAF_TEST_FIXTURE_SCOPE_END()
