#define CAF_SUITE shard_lag
#define CAF_TEST_NO_MAIN
#include "actors/entry.hpp"
#include "actors/lag_survey.hpp"
#include "tests/actors/node_fixture.hpp"

#include <array>

using namespace actor_tests;
using namespace std::chrono_literals;

namespace {

constexpr domain::shard_id first{0}, second{1};

shard_lag lag_of(domain::shard_id shard, std::uint64_t epoch, std::uint64_t rows) {
  return {shard, epoch, {{"member", {{rows, 20ms}}, {}}}};
}

/// What a replica says of its members; nothing at all while `silent`.
struct told {
  shard_lag_ptr lag;
  bool silent = false;
  caf::typed_response_promise<shard_lag_ptr> never;
};

replica_actor::behavior_type a_replica(replica_actor::pointer self, told* what) {
  return {
      [](const cluster_view_ptr&) {},
      [](const configuration_news&) {},
      [](swapped_atom) {},
      [](commit_atom) {},
      [](tick_atom) {},
      [](wake_atom) {},
      [](close_atom, std::int64_t) {},
      [](leave_atom) { return true; },
      [](left_atom, bool) {},
      [=](lag_atom) -> caf::result<shard_lag_ptr> {
        if (!what->silent)
          return what->lag;
        what->never = self->make_response_promise<shard_lag_ptr>();
        return what->never;
      },
      [](const shard_lag_ptr&) {},
  };
}

using text_promise = caf::typed_response_promise<std::string>;

/// Of a node that doesn't answer.
entry_actor::behavior_type silent_entry(entry_actor::pointer self, text_promise* unanswered) {
  return {
      [](resume_atom, const std::string&, std::uint64_t) { return std::string{}; },
      [](resume_atom, std::uint64_t, const std::string&) { return true; },
      [](erased_atom, std::uint64_t) { return false; },
      [](leave_atom, const std::string&) { return true; },
      [=](lag_atom) -> caf::result<std::string> { return *unanswered = self->make_response_promise<std::string>(); },
  };
}

/// Two nodes: "here" leads the first shard, "there" the second. Each has its entry and replicas.
struct fixture : node_fixture {
  fixture() {
    here = make_entry(on_here);
    there = make_entry(on_there);
    on_here[0].lag = std::make_shared<shard_lag>(lag_of(first, 5, 2));
    on_there[1].lag = std::make_shared<shard_lag>(lag_of(second, 7, 3));
    view.self = "here";
    view.shards[first] = {{5, "here", {}}, 1};
    view.shards[second] = {{7, "there", {}}, 1};
    view.reachable["there"].entry = there;
  }
  ~fixture() override {
    for (auto* all : {&on_here, &on_there})
      for (auto& one : *all)
        one.never = {};
    view.reachable.clear();
    for (const auto& one : replicas)
      caf::anon_send_exit(one, caf::exit_reason::kill);
    caf::anon_send_exit(here, caf::exit_reason::kill);
    caf::anon_send_exit(there, caf::exit_reason::kill);
    sched.run();
  }

  entry_actor make_entry(std::array<told, 3>& of) {
    entry_neighbours at;
    for (auto& one : of)
      replicas.push_back(sys.spawn(a_replica, &one));
    at.replicas = {replicas.end()[-3], replicas.end()[-2]};
    at.system = replicas.back();
    return sys.spawn(entry, node, std::move(at));
  }

  void ask() {
    answers.clear();
    survey_lag(sys, std::make_shared<cluster_view>(view), here,
               [this](lag_report report) { answers.push_back(std::move(report)); });
    sched.run();
  }
  void pass(std::chrono::milliseconds time) {
    sched.clock().advance_time(time);
    sched.run();
  }
  const lag_report& answer() {
    CAF_REQUIRE_EQUAL(answers.size(), 1u);
    return answers[0];
  }

  std::array<told, 3> on_here, on_there; ///< of the two shards, and of the catalog's
  std::vector<replica_actor> replicas;
  entry_actor here, there;
  text_promise unanswered;
  cluster_view view;
  std::vector<lag_report> answers;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(shard_lag_tests, fixture)

CAF_TEST(what nodes tell each other is read as it was) {
  using fill = member_lag::fill;
  const std::vector<shard_lag> all{
      {first, 5, {{"a", {{0, 0ms}}, {}}, {"b", {{300, 70'000ms}}, fill{5, {}}}, {"c", {}, fill{1'000, 90'000}}}},
      {domain::system_shard, 1, {}}};
  CAF_CHECK(decode_lag(encode_lag(all)) == all);
  CAF_CHECK(decode_lag(encode_lag({})) == std::vector<shard_lag>{});
  const auto text = encode_lag(all);
  CAF_CHECK(!decode_lag(text.substr(0, text.size() - 1)));
  CAF_CHECK(!decode_lag(text + "x"));
  CAF_CHECK(!decode_lag(""));
}

CAF_TEST(each node is asked for what it leads) {
  ask();
  CAF_CHECK(answer().unanswered.empty());
  CAF_CHECK_EQUAL(answer().shards.size(), 2u);
  CAF_CHECK(answer().shards.at(first) == lag_of(first, 5, 2));
  CAF_CHECK(answer().shards.at(second) == lag_of(second, 7, 3));
}

CAF_TEST(a replica that takes too long costs its own shard alone) {
  on_there[2].lag = std::make_shared<shard_lag>(lag_of(domain::system_shard, 1, 0));
  view.shards[domain::system_shard] = {{1, "there", {}}, 1};
  on_there[1].silent = true;
  ask();
  CAF_CHECK(answers.empty());
  pass(lag_patience_of_entry);
  CAF_CHECK(answer().unanswered.empty());
  CAF_CHECK(answer().shards.contains(first));
  CAF_CHECK(!answer().shards.contains(second));
  CAF_CHECK(answer().shards.contains(domain::system_shard));
}

CAF_TEST(a node that takes too long is named) {
  const auto silent = sys.spawn(silent_entry, &unanswered);
  view.reachable["there"].entry = silent;
  ask();
  pass(lag_patience - 1ms);
  CAF_CHECK(answers.empty());
  pass(1ms);
  CAF_CHECK(answer().unanswered == std::set<coordination::node_id>{"there"});
  CAF_CHECK(answer().shards.contains(first));
  CAF_CHECK(!answer().shards.contains(second));
  unanswered = {};
  caf::anon_send_exit(silent, caf::exit_reason::kill);
}

CAF_TEST(a node that can not be reached is named without waiting) {
  view.reachable.clear();
  ask();
  CAF_CHECK(answer().unanswered == std::set<coordination::node_id>{"there"});
  CAF_CHECK(answer().shards.contains(first));
  view.shards.erase(first);
  ask();
  CAF_CHECK(answer().shards.empty());
}

CAF_TEST(what is told of another epoch is not taken) {
  on_here[0].lag = std::make_shared<shard_lag>(lag_of(first, 4, 2));
  on_here[1].lag = std::make_shared<shard_lag>(lag_of(second, 6, 9)); // it led that once
  on_here[2].lag = std::make_shared<shard_lag>(lag_of(domain::system_shard, 1, 9)); // the asking node doesn't know it
  ask();
  CAF_CHECK(answer().unanswered.empty());
  CAF_CHECK_EQUAL(answer().shards.size(), 1u);
  CAF_CHECK(answer().shards.at(second) == lag_of(second, 7, 3));
}

CAF_TEST_FIXTURE_SCOPE_END()
