#define CAF_SUITE delivery_engine_waiting
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/delivery_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

// POSTs that find no idle connection: which one they get in the end, and who must leave them one.

using namespace delivery_fixture;
using std::chrono::milliseconds;
using tls_fixture::peer;
using tls_fixture::server;

namespace {

// However busy the machine is, nothing ends by itself that a test doesn't let end.
constexpr std::chrono::minutes far{5};
const post_options in_time{.deadline = far};
const delivery_engine_settings patient{.connect_timeout = far, .idle_timeout = far, .nameservers = {}, .extra_ca_file = {}};

/// A receiver whose connections can be held back before TLS, and its answers before they go.
class gated_receiver {
public:
  server& operator*() { return receiver_; }
  server* operator->() { return &receiver_; }

  std::atomic<int> connections{0};         ///< that have their number
  std::atomic<int> let_in{1'000'000};      ///< connections whose handshake may go on, in the order they came
  std::atomic<int> turned_away{1'000'000}; ///< the number of the one that is closed instead, once let in
  std::atomic<int> answers{1'000'000};     ///< requests that may be answered
  std::atomic<int> requests{0};
  std::atomic<bool> silent{false}; ///< requests to /silent get no answer

private:
  void await(const std::function<bool()>& condition) {
    while (!condition() && !receiver_.stopping)
      std::this_thread::sleep_for(milliseconds{1});
  }

  server receiver_{localhost(),
                   {.before_tls =
                        [this](int) {
                          const int number = ++connections;
                          await([&] { return number <= let_in; });
                          return number != turned_away;
                        },
                    .serve =
                        [this](peer& client) {
                          while (const auto request = client.read_request()) {
                            const int number = ++requests;
                            if (silent && request->find("/silent") != std::string::npos)
                              continue;
                            await([&] { return number <= answers; });
                            if (!client.answer(200))
                              return;
                          }
                        }}};
};

/// Jobs to one target, as those of one subscription are.
class one_target {
public:
  one_target(client& from, const std::string& url) : from_{from}, pattern_{from.job(url)} {}

  std::vector<std::uint64_t> submit(int count, std::chrono::milliseconds deadline) {
    std::vector<std::uint64_t> tokens;
    std::vector<delivery_job> jobs;
    for (int i = 0; i < count; ++i) {
      auto job = pattern_;
      job.token = tokens.emplace_back(from_.next_token());
      job.deadline = boot_clock::now() + deadline;
      jobs.push_back(std::move(job));
    }
    from_.engine->submit(std::move(jobs));
    return tokens;
  }
  delivery_result post(std::chrono::milliseconds deadline = far) {
    return from_.wait(submit(1, deadline).front());
  }

private:
  client& from_;
  const delivery_job pattern_;
};

/// Returns once the engine has started all that was submitted before.
void catch_up(client& some, const std::string& url) {
  CAF_CHECK(some.post(url, {.deadline = milliseconds{-1}}).error == failure_class::timeout);
}

std::string silent_url(server& receiver) {
  const auto url = receiver.url();
  return url.substr(0, url.rfind('/')) + "/silent";
}

/// A target that let a POST time out.
one_target make_silent(client& some, gated_receiver& receiver) {
  receiver.silent = true;
  one_target mute{some, silent_url(*receiver)};
  const auto result = mute.post(milliseconds{1000}); // enough for a handshake on a busy machine
  CAF_CHECK(result.error == failure_class::timeout && result.first_byte);
  return mute;
}

/// Two POSTs: the first is not answered yet, and the connection of the second waits for its handshake.
std::pair<std::uint64_t, std::uint64_t> one_open_and_one_waiting(client& some, gated_receiver& receiver) {
  receiver.let_in = 1;
  receiver.answers = 0;
  const auto first = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.requests == 1; }));
  const auto second = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.connections == 2; }));
  return {first, second};
}

} // namespace

CAF_TEST(a POST takes a connection that becomes free before its own is open) {
  gated_receiver receiver;
  client some{patient};
  const auto [first, second] = one_open_and_one_waiting(some, receiver);
  receiver.answers = 2;
  CAF_CHECK_EQUAL(some.wait(first).status_code, 200);
  CAF_CHECK_EQUAL(some.wait(second).status_code, 200);
  CAF_CHECK_EQUAL(receiver->handshakes, 1);
  // The one that was opened for it serves others.
  receiver.let_in = 2;
  CAF_CHECK(eventually([&] { return receiver->handshakes == 2; }));
  receiver.answers = 2;
  const auto third = some.submit(receiver->url(), in_time);
  const auto fourth = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.requests == 4; }));
  receiver.answers = 4;
  CAF_CHECK_EQUAL(some.wait(third).status_code, 200);
  CAF_CHECK_EQUAL(some.wait(fourth).status_code, 200);
  CAF_CHECK_EQUAL(receiver->accepted, 2);
}

CAF_TEST(a connection that lost its POST and cannot be opened fails nobody) {
  gated_receiver receiver;
  client some{patient};
  const auto [first, second] = one_open_and_one_waiting(some, receiver);
  receiver.answers = 1;
  CAF_CHECK_EQUAL(some.wait(first).status_code, 200);
  CAF_CHECK(eventually([&] { return receiver.requests == 2; }));
  const auto third = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.connections == 3; }));
  receiver.turned_away = 2;
  receiver.let_in = 2;
  CAF_CHECK(eventually([&] { return some.engine->connections() == 2; }));
  CAF_CHECK(!some.seen().contains(third));
  receiver.let_in = 3;
  receiver.answers = 3;
  CAF_CHECK_EQUAL(some.wait(second).status_code, 200);
  CAF_CHECK_EQUAL(some.wait(third).status_code, 200);
}

CAF_TEST(a connection that nobody waits for is given up when it takes too long) {
  gated_receiver receiver;
  client some{{.connect_timeout = milliseconds{100}, .idle_timeout = far, .nameservers = {}, .extra_ca_file = {}}};
  const auto [first, second] = one_open_and_one_waiting(some, receiver);
  CAF_CHECK_EQUAL(some.engine->connections(), 2u);
  receiver.answers = 1;
  CAF_CHECK_EQUAL(some.wait(first).status_code, 200);
  CAF_CHECK(eventually([&] { return some.engine->connections() == 1; }));
  receiver.answers = 2;
  CAF_CHECK_EQUAL(some.wait(second).status_code, 200);
  CAF_CHECK_EQUAL(receiver->handshakes, 1);
}

CAF_TEST(a POST fails with the connection that was opened for it) {
  gated_receiver receiver;
  client some{patient};
  receiver.turned_away = 1;
  CAF_CHECK(some.post(receiver->url(), in_time).error == failure_class::tls);
  CAF_CHECK_EQUAL(some.post(receiver->url(), in_time).status_code, 200);
  CAF_CHECK_EQUAL(receiver->accepted, 2);
}

CAF_TEST(a deadline holds for who waits for a connection) {
  gated_receiver receiver;
  client some{patient};
  receiver.let_in = 1;
  receiver.answers = 0;
  const auto first = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.requests == 1; }));
  const auto late = some.post(receiver->url(), {.deadline = milliseconds{100}});
  CAF_CHECK(late.error == failure_class::timeout);
  CAF_CHECK(!late.first_byte);
  receiver.answers = 1;
  CAF_CHECK_EQUAL(some.wait(first).status_code, 200);
  CAF_CHECK_EQUAL(receiver.requests, 1);
}

CAF_TEST(POSTs to a silent target leave idle connections to others until it answers) {
  gated_receiver receiver;
  client some{patient};
  auto mute = make_silent(some, receiver);
  CAF_CHECK_EQUAL(some.post(receiver->url(), in_time).status_code, 200);
  CAF_CHECK_EQUAL(receiver->accepted, 2);
  const auto silent = mute.submit(1, far).front();
  CAF_CHECK(eventually([&] { return receiver.requests == 3; }));
  CAF_CHECK_EQUAL(receiver->accepted, 3);
  for (int i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(some.post(receiver->url(), in_time).status_code, 200);
  CAF_CHECK_EQUAL(receiver->accepted, 3);
  CAF_CHECK(!some.seen().contains(silent));
  receiver.silent = false;
  CAF_CHECK_EQUAL(mute.post().status_code, 200);
  CAF_CHECK_EQUAL(receiver->accepted, 4);
  // From now on it takes what is idle, so that others have to open one.
  const int before = receiver.requests;
  receiver.answers = before;
  const auto answering = mute.submit(1, far).front();
  CAF_CHECK(eventually([&] { return receiver.requests == before + 1; }));
  const auto other = some.submit(receiver->url(), in_time);
  CAF_CHECK(eventually([&] { return receiver.requests == before + 2; }));
  CAF_CHECK_EQUAL(receiver->accepted, 5);
  receiver.answers = before + 2;
  CAF_CHECK_EQUAL(some.wait(answering).status_code, 200);
  CAF_CHECK_EQUAL(some.wait(other).status_code, 200);
}

CAF_TEST(POSTs to silent targets all go out but not all at once) {
  gated_receiver receiver;
  client some{patient};
  auto mute = make_silent(some, receiver);
  const auto begin = boot_clock::now();
  mute.submit(50, far);
  CAF_CHECK(eventually([&] { return receiver.requests == 51; }));
  // One a tick of 20 ms: a bound that no machine is too slow for.
  CAF_CHECK(boot_clock::now() - begin >= milliseconds{900});
}

CAF_TEST(a receiver that is mute in TLS holds up no other connection) {
  gated_receiver receiver;
  client some{patient};
  receiver.let_in = 0;
  one_target{some, receiver->url()}.submit(100, far);
  CAF_CHECK(eventually([&] { return receiver->accepted == 100; }));
}

CAF_TEST(POSTs to silent targets have one outcome each when deadlines pass or the engine ends) {
  gated_receiver receiver;
  client some{patient};
  auto mute = make_silent(some, receiver);
  receiver.let_in = 0;
  // Less than a tick of the pace. A machine that is busy enough lets all deadlines pass before the engine sees the
  // jobs: then once more.
  int waited = 0;
  for (int round = 0; round < 100 && waited == 0; ++round)
    for (const auto token : mute.submit(20, milliseconds{10})) {
      const auto result = some.wait(token);
      CAF_CHECK(result.error == failure_class::timeout);
      CAF_CHECK(!result.first_byte);
      waited += result.detail == "the deadline passed while waiting for a connection" ? 1 : 0;
    }
  CAF_CHECK(waited > 0);
  const auto ended = mute.submit(100, far);
  catch_up(some, receiver->url());
  some.engine.reset();
  for (const auto token : ended)
    CAF_CHECK_EQUAL(some.wait(token).detail, "shutting down");
  const auto seen = some.seen();
  CAF_CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& entry) { return entry.second == 1; }));
}

CAF_TEST(a new policy holds for POSTs that wait for a connection) {
  gated_receiver receiver;
  client some{patient};
  auto mute = make_silent(some, receiver);
  receiver.let_in = 0;
  const auto waiting = mute.submit(100, far);
  some.engine->reload(std::make_shared<const egress_policy>(egress_settings{.ports = {}}), some.ca_file());
  CAF_CHECK(eventually([&] {
    return std::any_of(waiting.begin(), waiting.end(),
                       [seen = some.seen()](auto token) { return seen.contains(token); });
  }));
  CAF_CHECK(some.wait(waiting.back()).error == failure_class::egress);
}
