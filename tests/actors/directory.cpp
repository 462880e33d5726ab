#define CAF_SUITE directory
#define CAF_TEST_NO_MAIN
#include "tests/actors/node_fixture.hpp"

using namespace actor_tests;

CAF_TEST_FIXTURE_SCOPE(directory_tests, node_fixture)

CAF_TEST(an account is created once and found again) {
  const auto acme = create("acme");
  const auto again = change(put("acme", true));
  CAF_CHECK_EQUAL(std::get<account::request_error>(again).slug, "account-exists");
  const auto second = change(put("acme", false, "Acme Inc"));
  CAF_CHECK(!std::get<actors::account_reply>(second).created);
  CAF_CHECK(std::get<actors::account_reply>(second).profile.number == acme);
  CAF_CHECK(create("other") != acme);
}

CAF_TEST(requests for an unknown account are not found) {
  const auto reply = ask(domain::account_id{12345}, account::get_usage{});
  CAF_REQUIRE(reply->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**reply).status, 404);
}

CAF_TEST(a quiet account leaves and comes back with what it had) {
  const auto acme = create("acme");
  const auto id = subscribe(acme);
  CAF_CHECK_EQUAL(live(), 1u);
  pass(std::chrono::seconds{30});
  CAF_CHECK_EQUAL(live(), 0u);
  const auto list = ask(acme, account::list_subscriptions{});
  CAF_REQUIRE(list->has_value());
  CAF_REQUIRE_EQUAL(std::get<account::subscriptions_reply>(**list).subscriptions.size(), 1u);
  CAF_CHECK(std::get<account::subscriptions_reply>(**list).subscriptions[0].id == id);
  CAF_CHECK_EQUAL(live(), 1u);
}

CAF_TEST(an account with a POST under way does not leave) {
  const auto acme = create("acme");
  subscribe(acme);
  ask(acme, person(1));
  pass(std::chrono::seconds{60});
  CAF_CHECK_EQUAL(live(), 1u);
}

CAF_TEST(too much of one account is refused to it and too much of all to everyone) {
  const auto acme = create("acme");
  const auto other = create("other");
  subscribe(acme);
  held.at_once = false;
  const auto first = ask(acme, person(1), config::defaults::ingress_bytes_per_account);
  const auto refused = ask(acme, person(2), 1);
  CAF_REQUIRE(refused->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**refused).status, 429);
  CAF_CHECK(std::get<account::request_error>(**refused).retry_after > 0);
  const auto too_large = ask(other, person(3), config::defaults::ingress_bytes_total);
  CAF_REQUIRE(too_large->has_value());
  CAF_CHECK_EQUAL(std::get<account::request_error>(**too_large).slug, "overloaded");
  commit_held();
  CAF_CHECK(first->has_value());
  const auto after = ask(acme, person(4), 1);
  commit_held();
  CAF_CHECK(std::holds_alternative<account::submit_reply>(**after));
}

CAF_TEST(keys and tokens are issued once and found by their hash) {
  create("acme");
  const auto key = std::get<credential_reply>(
      change(add_key{"acme", "crm", {}, storage::credential_scope::account, {}, {}}));
  const storage::catalog catalog{store};
  CAF_CHECK(catalog.find_credential(crypto::sha256(key.secret)).has_value());
  const auto imported = change(add_key{"acme", "old", {}, storage::credential_scope::read, {}, key.secret});
  CAF_CHECK_EQUAL(std::get<account::request_error>(imported).slug, "secret-exists");
  CAF_CHECK(std::holds_alternative<account::done_reply>(change(remove_key{"acme", key.value.id})));
  CAF_CHECK(!catalog.find_credential(crypto::sha256(key.secret)).has_value());
}

CAF_TEST(deleting an account cancels what waits) {
  const auto acme = create("acme");
  subscribe(acme);
  node->slots.try_acquire(100);
  ask(acme, person(1));
  CAF_CHECK(std::holds_alternative<account::done_reply>(change(remove_account{"acme"})));
  const auto log = ask(acme, account::query_log{});
  CAF_REQUIRE(log->has_value());
  const auto& all = std::get<account::log_reply>(**log).notifications;
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  CAF_CHECK(all[0].state == domain::notification_state::cancelled);
}

CAF_TEST(a start loads some accounts at a time and their POSTs leave before the last is loaded) {
  node->held = true; // so that everything waits
  constexpr std::size_t accounts = 40;
  for (std::size_t i = 0; i < accounts; ++i) {
    const auto id = create("a" + std::to_string(i));
    subscribe(id);
    ask(id, person(1));
  }
  caf::anon_send_exit(where, caf::exit_reason::kill);
  sched.run();
  node->held = false;
  held.at_once = false;
  where = sys.spawn(directory, node, directory_neighbours{shards, system_shard, {engine}});
  caf::anon_send(where, awaken_atom_v);
  sched.run();
  CAF_CHECK(out.jobs.empty());
  CAF_CHECK_EQUAL(live(), 16u); // their claims wait for the commit, and the others for them
  for (std::size_t before = 0; out.jobs.size() < accounts; before = out.jobs.size()) {
    commit_held();
    CAF_REQUIRE(out.jobs.size() > before);
    CAF_CHECK(live() <= out.jobs.size() + 16);
  }
  CAF_CHECK_EQUAL(live(), accounts);
}

CAF_TEST(an account that does not load does not keep the others waiting) {
  node->held = true;
  for (int i = 0; i < 40; ++i) {
    const auto id = create("a" + std::to_string(i));
    subscribe(id);
    ask(id, person(1));
  }
  caf::anon_send_exit(where, caf::exit_reason::kill);
  sched.run();
  node->held = false;
  held.at_once = false; // nothing is committed any more
  where = sys.spawn(directory, node, directory_neighbours{shards, system_shard, {engine}});
  caf::anon_send(where, awaken_atom_v);
  sched.run();
  CAF_CHECK_EQUAL(live(), 16u);
  pass(std::chrono::seconds{3});
  CAF_CHECK_EQUAL(live(), 40u);
}

CAF_TEST_FIXTURE_SCOPE_END()
