#define CAF_SUITE fake_network
#define CAF_TEST_NO_MAIN
#include "tests/actors/peer_fixture.hpp"

#undef FAIL
#define FAIL CAF_FAIL
#include "caf/test/io_dsl.hpp"
#undef inject

using namespace peer_tests;

namespace {

/// The pattern for tests of what nodes say to each other: two actor systems on CAF's deterministic scheduler with a
/// network that is a queue. No links, no threads, no clock but the test's: nothing happens that the test doesn't ask
/// for. No heartbeat either: it would re-arm itself for ever when `run` fires timeouts.
struct config : actor_tests::test_config {
  config() { load<caf::io::middleman>(); }
};

struct fixture : point_to_point_fixture<test_coordinator_fixture<config>> {
  fixture() {
    // Where the real thing hands CAF a link's tunnel, the fake network connects by name and port.
    prepare_connection(mars, earth, "mars", 8080);
    there = mars.sys.spawn(echo);
    run();
    CAF_REQUIRE_EQUAL(mars.publish(there, 8080), 8080u);
    to_there = earth.remote_actor<echo_actor>("mars", 8080);
  }

  ~fixture() {
    // CAF's registry refers to what was published: it doesn't end by itself.
    caf::anon_send_exit(there, caf::exit_reason::user_shutdown);
    run();
  }

  echo_actor there, to_there;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(two_nodes, fixture)

CAF_TEST(a request crosses to the other node and its answer comes back) {
  std::string answer;
  const auto asker = earth.sys.spawn([&](caf::event_based_actor* self) {
    self->request(to_there, 1s, std::string{"hello"})
        .then([&](const std::string& text) { answer = "answer " + text; },
              [&](const caf::error& error) { answer = caf::to_string(error); });
  });
  earth.sched.run();
  CAF_CHECK(!mars.sched.has_job());
  network_traffic();
  expect_on(mars, (std::string), from(_).to(there).with("hello"));
  CAF_CHECK_EQUAL(answer, "");
  // Not `run`: it fires the request's timeout.
  network_traffic();
  CAF_CHECK(earth.sched.has_job());
  earth.sched.run();
  CAF_CHECK_EQUAL(answer, "answer hello");
}

CAF_TEST(a request that the other node does not answer in time fails) {
  std::string answer;
  const auto asker = earth.sys.spawn([&](caf::event_based_actor* self) {
    self->request(to_there, 1s, std::string{"hello"})
        .then([&](const std::string& text) { answer = text; },
              [&](const caf::error& error) { answer = caf::to_string(error); });
  });
  earth.sched.run();
  network_traffic();
  earth.sched.clock().advance_time(999ms);
  earth.sched.run();
  CAF_CHECK_EQUAL(answer, "");
  earth.sched.clock().advance_time(1ms);
  earth.sched.run();
  CAF_CHECK_EQUAL(answer, "system_error(request_timeout)");
}

CAF_TEST(the other node hears when an actor ends) {
  bool down = false;
  auto asker = earth.sys.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(to_there);
    self->set_down_handler([&down, self](caf::down_msg&) {
      down = true;
      self->quit();
    });
    return {[](int) {}};
  });
  run();
  CAF_CHECK(!down);
  caf::anon_send_exit(there, caf::exit_reason::user_shutdown);
  run();
  CAF_CHECK(down);
}

CAF_TEST_FIXTURE_SCOPE_END()
