#define CAF_SUITE handover
#define CAF_TEST_NO_MAIN
#include "actors/cluster_view.hpp"
#include "actors/outcome_codec.hpp"
#include "actors/outcome_courier.hpp"
#include "tests/actors/node_fixture.hpp"

#include <map>

using namespace actor_tests;

namespace {

/// The node at the other end: what it still makes, and what it was told.
struct other_node {
  std::vector<std::uint64_t> in_flight;
  std::vector<std::string> asked_by;
  std::map<std::uint64_t, std::string> told; ///< outcomes by account
};

entry_actor::behavior_type other_entry(entry_actor::pointer, other_node* out) {
  return {
      [=](resume_atom, const std::string& heir, std::uint64_t) {
        out->asked_by.push_back(heir);
        return encode_tokens(out->in_flight);
      },
      [=](resume_atom, std::uint64_t account, const std::string& outcomes) {
        out->told[account] += outcomes;
        return true;
      },
      [](erased_atom, std::uint64_t) { return false; },
      [](leave_atom, const std::string&) { return true; },
      [](lag_atom) { return std::string{}; },
  };
}

struct fixture : node_fixture {
  fixture() {
    entry = sys.spawn(other_entry, &other);
    auto view = std::make_shared<cluster_view>();
    view->self = "this";
    view->reachable.emplace("other", reached_node{entry, 1});
    node->know(std::move(view));
    acme = create("acme");
    subscribe(acme);
    shard = store.shard_of(acme);
  }
  ~fixture() override {
    node->know(nullptr);
    caf::anon_send_exit(entry, caf::exit_reason::kill);
    sched.run();
  }

  /// Asks the directory to close the shard; whether it has answered is seen by `closed`.
  void close() {
    closing = std::make_unique<caf::scoped_actor>(sys);
    (*closing)->send(where, close_atom_v, shard);
    sched.run();
  }
  bool closed() { return !(*closing)->mailbox().empty(); }
  void hand_over() {
    caf::anon_send(where, unserve_atom_v, shard);
    sched.run();
  }
  void take_over(const std::string& from) {
    caf::anon_send(where, serve_atom_v, shard, shards[raw(shard)], from);
    sched.run();
  }
  std::vector<account::notification> log() {
    const auto reply = ask(acme, account::query_log{});
    CAF_REQUIRE(reply->has_value());
    CAF_REQUIRE(std::holds_alternative<account::log_reply>(**reply));
    return std::get<account::log_reply>(**reply).notifications;
  }
  domain::notification_state only_state() {
    const auto list = log();
    CAF_REQUIRE_EQUAL(list.size(), 1u);
    return list[0].state;
  }
  /// Posts, and hands the shard with its POST under way over and back, from a node that goes on with it, or not.
  /// Gives the POST's token.
  std::uint64_t come_back_with_a_claim(bool in_flight) {
    ask(acme, person(1));
    const auto token = out.jobs.at(0).token;
    close();
    hand_over();
    if (in_flight)
      other.in_flight = {token};
    take_over("other");
    return token;
  }
  /// What the other node says of a POST that it made.
  void told_delivered(std::uint64_t token) {
    net::delivery_outcome o{raw(acme), token, {}};
    o.result.state = domain::notification_state::delivered;
    o.result.status_code = 200;
    o.result.first_byte = o.result.ended = domain::boot_clock::now();
    caf::anon_send(where, acme, outcome_vector{o});
    sched.run();
  }

  other_node other;
  entry_actor entry;
  domain::account_id acme{};
  domain::shard_id shard{};
  std::unique_ptr<caf::scoped_actor> closing;
};

using tokens = std::vector<std::uint64_t>;
using enum domain::notification_state;

const account::request_error* error_of(const std::shared_ptr<std::optional<account::reply>>& reply) {
  return reply->has_value() ? std::get_if<account::request_error>(&**reply) : nullptr;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(handover_tests, fixture)

CAF_TEST(a shard is closed though a POST is under way) {
  ask(acme, person(1));
  CAF_REQUIRE_EQUAL(out.jobs.size(), 1u);
  close();
  CAF_CHECK(closed());
  CAF_CHECK(!out.owner); // its outcome waits for the heir
}

CAF_TEST(a shard is closed once what was decided is durable) {
  held.at_once = false;
  const auto posted = ask(acme, person(1));
  close();
  CAF_CHECK(!closed());
  commit_held();
  CAF_CHECK(closed());
  CAF_REQUIRE(posted->has_value());
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(**posted).accepted, 1u);
  CAF_CHECK(out.jobs.empty() || !out.owner);
}

CAF_TEST(what comes while a shard is closed is asked elsewhere) {
  close();
  const auto posted = ask(acme, person(1));
  CAF_CHECK(!posted->has_value());
  hand_over();
  CAF_REQUIRE(error_of(posted) != nullptr);
  CAF_CHECK(error_of(posted)->moved);
  const auto later = ask(acme, person(2));
  CAF_REQUIRE(error_of(later) != nullptr);
  CAF_CHECK(error_of(later)->moved);
  CAF_CHECK(out.jobs.empty());
}

CAF_TEST(what was decided and is not committed may have been done) {
  held.at_once = false;
  const auto posted = ask(acme, person(1));
  hand_over();
  CAF_REQUIRE(error_of(posted) != nullptr);
  CAF_CHECK_EQUAL(error_of(posted)->slug, "no-quorum");
  CAF_CHECK(!error_of(posted)->moved);
}

CAF_TEST(a shard that stays goes on with what came meanwhile) {
  close();
  const auto posted = ask(acme, person(1));
  caf::anon_send(where, open_atom_v, shard);
  sched.run();
  CAF_REQUIRE(posted->has_value());
  CAF_CHECK_EQUAL(std::get<account::submit_reply>(**posted).accepted, 1u);
  CAF_REQUIRE_EQUAL(out.jobs.size(), 1u);
  outcome(out.jobs[0], delivered);
  CAF_CHECK(only_state() == delivered);
}

CAF_TEST(an outcome that was not written down is left behind) {
  ask(acme, person(1));
  const auto job = std::move(out.jobs.at(0));
  held.at_once = false;
  outcome(job, delivered);
  pass(std::chrono::seconds{1}); // its batch waits for the disk
  hand_over();
  CAF_CHECK_EQUAL(out.left_behind, tokens{job.token});
  refuse_held();
}

CAF_TEST(the heir keeps claims whose POSTs go on elsewhere) {
  const auto token = come_back_with_a_claim(true);
  CAF_CHECK_EQUAL(other.asked_by, std::vector<std::string>{"this"});
  pass(std::chrono::seconds{1});
  CAF_CHECK(only_state() == claimed);
  told_delivered(token);
  pass(std::chrono::seconds{1});
  CAF_CHECK(only_state() == delivered);
}

CAF_TEST(a claim that nobody makes is unknown to the heir) {
  come_back_with_a_claim(false);
  pass(std::chrono::seconds{1});
  CAF_CHECK(only_state() == unknown);
}

CAF_TEST(claims are unknown once the node that made their POSTs is gone) {
  come_back_with_a_claim(true);
  CAF_CHECK(only_state() == claimed);
  caf::anon_send_exit(entry, caf::exit_reason::kill);
  pass(std::chrono::seconds{1});
  CAF_CHECK(only_state() == unknown);
}

CAF_TEST(claims are unknown when nothing is told of them for too long) {
  come_back_with_a_claim(true);
  pass(std::chrono::seconds{600});
  CAF_CHECK(only_state() == unknown);
}

CAF_TEST(an account that was handed on waits for its POSTs elsewhere) {
  const auto token = come_back_with_a_claim(true);
  close();
  CAF_CHECK(!closed()); // the next heir would not know whom to ask
  told_delivered(token);
  CAF_CHECK(closed());
}

CAF_TEST(an outcome that comes between two actors of its account waits for the second) {
  const auto token = come_back_with_a_claim(true);
  out.left_behind.clear();
  hand_over();
  told_delivered(token); // the account's actor is gone, and no other is there yet
  CAF_CHECK_EQUAL(out.left_behind, tokens{token});
}

CAF_TEST(outcomes are brought to the node that asked for them) {
  ask(acme, person(1));
  const auto job = std::move(out.jobs.at(0));
  close();
  hand_over();
  out.under_way = {job.token};
  const auto courier = sys.spawn(outcome_courier, node, where);
  caf::scoped_actor heir{sys};
  auto asked = heir->request(courier, caf::infinite, resume_atom_v, std::string{"other"}, acme);
  sched.run();
  asked.receive([&](const std::string& text) { CAF_CHECK_EQUAL(decode_tokens(text).count(job.token), 1u); },
                [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
  outcome(job, delivered);
  const auto told = decode_outcomes(other.told[raw(acme)], acme, domain::boot_clock::now());
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK_EQUAL(told[0].token, job.token);
  CAF_CHECK(told[0].result.state == delivered);
  auto arrived = heir->request(courier, caf::infinite, drain_atom_v);
  sched.run();
  arrived.receive([](bool all) { CAF_CHECK(all); }, [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
  caf::anon_send_exit(courier, caf::exit_reason::kill);
  sched.run();
}

CAF_TEST_FIXTURE_SCOPE_END()
