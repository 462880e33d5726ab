#define CAF_SUITE forwarder
#define CAF_TEST_NO_MAIN
#include "actors/forwarder.hpp"
#include "actors/cluster_view.hpp"
#include "actors/peer_message.hpp"
#include "tests/actors/node_fixture.hpp"

#include <deque>

using namespace actor_tests;

namespace {

constexpr std::uint64_t first_link = 7;

struct fixture : test_coordinator_fixture<test_config> {
  fixture()
      : forward{sys.spawn(forwarder, [this](std::uint64_t link, const std::string& message) {
          if (link != stands)
            return false;
          const auto read = decode_peer_message(message);
          CAF_REQUIRE(read);
          const auto& request = std::get<request_passed_on>(*read);
          asked.emplace_back(request.ticket, request.what);
          return true;
        })} {
    tell_who_is_there(first_link);
  }
  ~fixture() override {
    caf::anon_send_exit(forward, caf::exit_reason::kill);
    sched.run();
  }

  /// 0: the peer isn't.
  void tell_who_is_there(std::uint64_t link) {
    stands = link;
    auto view = std::make_shared<cluster_view>();
    if (link != 0)
      view->reachable.emplace("peer", reached_node{entry_actor{}, link});
    caf::anon_send(forward, cluster_view_ptr{view});
    sched.run();
  }

  struct fate {
    int times = 0;
    std::optional<std::string> answer;
    bool sent = false;
  };
  std::shared_ptr<fate> ask(std::size_t bytes = 1) {
    auto seen = std::make_shared<fate>();
    auto what = std::make_shared<forward_ask>();
    what->request = std::string(bytes, 'x');
    what->timeout = std::chrono::seconds{60};
    what->done = [seen](std::optional<std::string> answer, bool sent) {
      ++seen->times;
      seen->answer = std::move(answer);
      seen->sent = sent;
    };
    caf::anon_send(forward, forward_atom_v, std::string{"peer"}, forward_ask_ptr{what});
    sched.run();
    return seen;
  }
  void answer_first(std::uint64_t over = first_link) {
    caf::anon_send(forward, forward_atom_v, over, asked.front().first, std::string{"done"});
    asked.pop_front();
    sched.run();
  }
  static bool not_sent(const fate& f) { return f.times == 1 && !f.answer && !f.sent; }
  static bool unsure(const fate& f) { return f.times == 1 && !f.answer && f.sent; }

  std::uint64_t stands = 0; ///< the link that takes messages
  std::deque<std::pair<std::uint64_t, std::string>> asked; ///< of the peer: ticket and request
  forwarder_actor forward;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(forwarder_tests, fixture)

CAF_TEST(of a peer that goes only what was sent may have been done) {
  const auto sent = ask();
  const auto waits = ask(credit_limits{}.bytes); // more than the window has beside the first
  CAF_CHECK_EQUAL(asked.size(), 1u);
  tell_who_is_there(0);
  CAF_CHECK(unsure(*sent));
  CAF_CHECK(not_sent(*waits));
  CAF_CHECK(not_sent(*ask()));
}

CAF_TEST(answers find who asked whatever their order) {
  const auto one = ask(), two = ask(2);
  CAF_REQUIRE_EQUAL(asked.size(), 2u);
  CAF_CHECK_EQUAL(asked[1].second, "xx");
  std::swap(asked[0], asked[1]);
  answer_first();
  CAF_CHECK_EQUAL(one->times, 0);
  CAF_CHECK_EQUAL(two->answer.value_or(""), "done");
  answer_first();
  CAF_CHECK_EQUAL(one->answer.value_or(""), "done");
  CAF_CHECK(one->sent);
}

CAF_TEST(an answer over an earlier link answers nothing that was asked over this one) {
  const auto before = ask();
  tell_who_is_there(first_link + 1);
  CAF_CHECK(unsure(*before));
  const auto now = ask();
  CAF_REQUIRE_EQUAL(asked.size(), 2u);
  CAF_CHECK_EQUAL(asked[0].first, asked[1].first); // tickets begin anew
  answer_first(first_link);
  CAF_CHECK_EQUAL(now->times, 0);
  answer_first(first_link + 1);
  CAF_CHECK_EQUAL(now->answer.value_or(""), "done");
}

CAF_TEST(what the link does not take was not sent) {
  stands = 0;
  CAF_CHECK(not_sent(*ask()));
  stands = first_link;
  const auto next = ask();
  answer_first();
  CAF_CHECK_EQUAL(next->answer.value_or(""), "done");
}

CAF_TEST(what is not answered in time may have been done and gives its credit back) {
  const auto late = ask(), waits = ask(credit_limits{}.bytes);
  CAF_CHECK_EQUAL(asked.size(), 1u);
  sched.clock().advance_time(std::chrono::seconds{59});
  sched.run();
  CAF_CHECK_EQUAL(late->times, 0);
  sched.clock().advance_time(std::chrono::seconds{2});
  sched.run();
  CAF_CHECK(unsure(*late));
  CAF_CHECK_EQUAL(asked.size(), 2u);
  answer_first(); // too late
  CAF_CHECK_EQUAL(late->times, 1);
  CAF_CHECK(!late->answer);
}

CAF_TEST(a peer that ends is asked nothing more and hears when all is answered) {
  const auto before = ask();
  caf::scoped_actor ending{sys};
  auto goodbye = ending->request(forward, caf::infinite, leave_atom_v, std::string{"peer"});
  sched.run();
  CAF_CHECK(not_sent(*ask()));
  CAF_CHECK(ending->mailbox().empty());
  CAF_CHECK_EQUAL(before->times, 0);
  answer_first();
  CAF_CHECK_EQUAL(before->answer.value_or(""), "done");
  bool said = false;
  goodbye.receive([&](bool all) { said = all; }, [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
  CAF_CHECK(said);
}

CAF_TEST(a goodbye that finds nothing under way is answered at once) {
  caf::scoped_actor ending{sys};
  for (const auto* who : {"peer", "stranger"}) {
    auto goodbye = ending->request(forward, caf::infinite, leave_atom_v, std::string{who});
    sched.run();
    bool said = false;
    goodbye.receive([&](bool all) { said = all; }, [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
    CAF_CHECK(said);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
