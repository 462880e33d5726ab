#define CAF_SUITE account_actor
#define CAF_TEST_NO_MAIN
#include "tests/actors/node_fixture.hpp"

using namespace actor_tests;

CAF_TEST_FIXTURE_SCOPE(account_actor_tests, node_fixture)

CAF_TEST(neither the answer nor the POST comes before the commit) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto reply = ask(acme, person(1));
  CAF_CHECK(!reply->has_value());
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(held.rows.size(), 1u);
  commit_held();
  CAF_REQUIRE(reply->has_value());
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(**reply).accepted, 1u);
  CAF_CHECK_EQUAL(out.jobs.size(), 1u);
}

CAF_TEST(what comes during a commit goes into one next batch and reads wait for it) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto first = ask(acme, person(1));
  const auto second = ask(acme, person(2));
  const auto third = ask(acme, person(3));
  const auto log = ask(acme, account::query_log{});
  CAF_CHECK_EQUAL(held.rows.size(), 1u);
  CAF_CHECK(!log->has_value());
  commit_held();
  CAF_CHECK(first->has_value());
  CAF_CHECK(!second->has_value());
  CAF_CHECK_EQUAL(held.rows.size(), 1u);
  commit_held();
  CAF_CHECK(second->has_value() && third->has_value());
  CAF_REQUIRE(log->has_value());
  const auto& seen = std::get<account::log_reply>(**log).notifications;
  CAF_REQUIRE_EQUAL(seen.size(), 2u); // the second and third were decided together and share one
  CAF_CHECK_EQUAL(seen[0].records.size(), 2u);
}

CAF_TEST(a refused batch is told to its requests and gives its slots back) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto slots = node->slots.available();
  held.at_once = false;
  const auto reply = ask(acme, person(1));
  refuse_held();
  CAF_REQUIRE(reply->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**reply).slug, "store-full");
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(node->slots.available(), slots);
  held.at_once = true;
  pass(std::chrono::seconds{2});
  CAF_CHECK_EQUAL(usage(acme).pending, 0u);
  const auto again = ask(acme, person(2));
  CAF_REQUIRE(again->has_value());
  CAF_CHECK_EQUAL(out.jobs.size(), 1u);
}

CAF_TEST(an outcome in a refused batch is not lost) {
  const auto acme = create("acme");
  subscribe(acme);
  ask(acme, person(1));
  CAF_REQUIRE_EQUAL(out.jobs.size(), 1u);
  held.at_once = false;
  const auto job = std::move(out.jobs[0]);
  outcome(job, domain::notification_state::delivered);
  const auto next = ask(acme, person(2)); // takes the outcome along
  refuse_held();
  held.at_once = true;
  pass(std::chrono::seconds{2});
  const auto log = ask(acme, account::query_log{});
  CAF_REQUIRE(log->has_value());
  const auto& all = std::get<account::log_reply>(**log).notifications;
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  CAF_CHECK(all[0].state == domain::notification_state::delivered);
}

CAF_TEST(an actor that dies leaves its POSTs to the next one) {
  for (const bool under_way : {true, false}) {
    const auto acme = create(under_way ? "acme" : "other");
    subscribe(acme);
    out.jobs.clear();
    ask(acme, person(1));
    CAF_REQUIRE_EQUAL(out.jobs.size(), 1u);
    const auto job = std::move(out.jobs[0]);
    if (under_way)
      out.under_way = {job.token};
    else
      out.under_way.clear();
    caf::anon_send_exit(out.owner, caf::exit_reason::kill);
    sched.run();
    const auto log = ask(acme, account::query_log{});
    CAF_REQUIRE(log->has_value());
    const auto state = std::get<account::log_reply>(**log).notifications.at(0).state;
    if (!under_way) {
      CAF_CHECK(state == domain::notification_state::unknown); // its outcome went to the dead one
      continue;
    }
    CAF_CHECK(state == domain::notification_state::claimed);
    outcome(job, domain::notification_state::delivered);
    pass(std::chrono::seconds{1});
    const auto later = ask(acme, account::query_log{});
    CAF_CHECK(std::get<account::log_reply>(**later).notifications.at(0).state ==
              domain::notification_state::delivered);
  }
}

CAF_TEST(who waited too long hears so once and still counts until the account is done) {
  const auto acme = create("acme");
  subscribe(acme);
  held.at_once = false;
  const auto late =
      ask(acme, person(1), config::defaults::ingress_bytes_per_account, std::chrono::milliseconds{0});
  pass(std::chrono::seconds{1});
  CAF_REQUIRE(late->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**late).slug, "overloaded");
  const auto refused = ask(acme, person(2), 1);
  CAF_REQUIRE(refused->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**refused).status, 429);
  commit_held(); // answers the first one a second time: nobody hears it
  const auto after = ask(acme, person(3), 1);
  commit_held();
  CAF_CHECK(after->has_value() && std::holds_alternative<account::submit_reply>(**after));
}

CAF_TEST(without a slot nothing is claimed and the account asks for one) {
  const auto acme = create("acme");
  subscribe(acme);
  const auto all = node->slots.try_acquire(100);
  CAF_CHECK_EQUAL(all, 100u);
  ask(acme, person(1));
  CAF_CHECK(out.jobs.empty());
  CAF_REQUIRE_EQUAL(out.hungry.size(), 1u);
  CAF_CHECK_EQUAL(usage(acme).pending, 1u);
  node->slots.release(all);
  caf::anon_send(out.hungry[0], slots_atom_v);
  sched.run();
  CAF_CHECK_EQUAL(out.jobs.size(), 1u);
}

CAF_TEST(a target that the policy refuses ends as failed without a POST) {
  const auto acme = create("acme");
  subscribe(acme, "https://127.0.0.1/hook");
  const auto slots = node->slots.available();
  ask(acme, person(1));
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(node->slots.available(), slots);
  pass(std::chrono::seconds{1});
  const auto missed = ask(acme, account::query_missed{});
  CAF_REQUIRE(missed->has_value());
  const auto& list = std::get<account::missed_reply>(**missed).notifications;
  CAF_REQUIRE_EQUAL(list.size(), 1u);
  CAF_CHECK(list[0].course->result.error == domain::failure_class::egress);
}

CAF_TEST(a long poll is answered by the first miss) {
  const auto acme = create("acme");
  subscribe(acme);
  account::query_missed q;
  q.from_end = true;
  q.wait = std::chrono::seconds{30};
  const auto poll = ask(acme, q);
  CAF_CHECK(!poll->has_value());
  ask(acme, person(1));
  CAF_CHECK(!poll->has_value());
  const auto job = std::move(out.jobs.at(0));
  outcome(job, domain::notification_state::rejected);
  CAF_REQUIRE(poll->has_value());
  CAF_CHECK_EQUAL(std::get<account::missed_reply>(**poll).notifications.size(), 1u);
}

CAF_TEST(draining claims nothing more and answers when all is saved) {
  const auto acme = create("acme");
  subscribe(acme);
  ask(acme, person(1));
  node->draining = true;
  caf::scoped_actor asker{sys};
  auto pending = asker->request(where, caf::infinite, drain_atom_v);
  sched.run();
  CAF_CHECK(asker->mailbox().empty()); // one POST is under way
  const auto job = std::move(out.jobs.at(0));
  outcome(job, domain::notification_state::delivered);
  pass(std::chrono::seconds{1});
  bool drained = false;
  pending.receive([&](bool ok) { drained = ok; }, [](const caf::error&) {});
  CAF_CHECK(drained);
  const auto reply = ask(acme, person(2));
  CAF_REQUIRE(reply->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**reply).slug, "draining");
}

CAF_TEST_FIXTURE_SCOPE_END()
