#define CAF_SUITE forwarder
#define CAF_TEST_NO_MAIN
#include "actors/forwarder.hpp"
#include "actors/cluster_view.hpp"
#include "tests/actors/node_fixture.hpp"

#include <deque>

using namespace actor_tests;

namespace {

/// A peer that answers when it is told to.
struct slow_peer {
  std::deque<caf::typed_response_promise<std::string>> asked;
};

entry_actor::behavior_type peer_entry(entry_actor::pointer self, slow_peer* out) {
  return {
      [](replicate_atom, const std::string&, std::uint16_t, const std::string&, const std::string&, std::int64_t) {},
      [](resume_atom, const std::string&, std::uint64_t) { return std::string{}; },
      [](resume_atom, std::uint64_t, const std::string&) { return true; },
      [](erased_atom, std::uint64_t) { return false; },
      [=](forward_atom, const std::string&) -> caf::result<std::string> {
        out->asked.push_back(self->make_response_promise<std::string>());
        return out->asked.back();
      },
      [=](forward_atom, std::uint64_t, const std::string& answer) {
        out->asked.front().deliver(answer);
        out->asked.pop_front();
      },
      [](leave_atom, const std::string&) { return true; },
  };
}

struct fixture : test_coordinator_fixture<test_config> {
  fixture() : entry{sys.spawn(peer_entry, &peer)}, forward{sys.spawn(forwarder)} { tell_who_is_there(true); }
  ~fixture() override {
    peer.asked.clear();
    caf::anon_send_exit(forward, caf::exit_reason::kill);
    caf::anon_send_exit(entry, caf::exit_reason::kill);
    sched.run();
  }

  void tell_who_is_there(bool peer_is) {
    auto view = std::make_shared<cluster_view>();
    if (peer_is)
      view->reachable.emplace("peer", entry);
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
  void answer_first() {
    caf::anon_send(entry, forward_atom_v, std::uint64_t{0}, std::string{"done"});
    sched.run();
  }
  static bool not_sent(const fate& f) { return f.times == 1 && !f.answer && !f.sent; }
  static bool unsure(const fate& f) { return f.times == 1 && !f.answer && f.sent; }

  slow_peer peer;
  entry_actor entry;
  forwarder_actor forward;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(forwarder_tests, fixture)

CAF_TEST(of a peer that goes only what was sent may have been done) {
  const auto sent = ask();
  const auto waits = ask(credit_limits{}.bytes); // more than the window has beside the first
  CAF_CHECK_EQUAL(peer.asked.size(), 1u);
  tell_who_is_there(false);
  CAF_CHECK(unsure(*sent));
  CAF_CHECK(not_sent(*waits));
  CAF_CHECK(not_sent(*ask()));
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
