#define CAF_SUITE delivery_engine_crowd
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/unit/delivery_fixture.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>

// Thousands of POSTs at receivers that do what they like: each has one outcome and goes out once at most.

using namespace delivery_fixture;
using std::chrono::milliseconds;
using tls_fixture::peer;
using tls_fixture::server;

namespace {

void read_to_the_end(int fd) {
  char some[4096];
  while (::recv(fd, some, sizeof some, 0) > 0) {
  }
}

/// A receiver whose connections and answers go wrong in turn, each in another way.
class moody_receiver {
public:
  server& operator*() { return receiver_; }

  /// How often the request of each job has arrived.
  std::map<std::uint64_t, int> arrived() {
    const std::lock_guard guard{mutex_};
    return arrived_;
  }

private:
  bool before_tls(int fd) {
    switch (++connections_ % 8) {
    case 0:
      return false;
    case 1:
      read_to_the_end(fd); // mute in TLS
      return false;
    default:
      return true;
    }
  }

  void serve(peer& client) {
    while (const auto request = client.read_request()) {
      {
        const std::lock_guard guard{mutex_};
        ++arrived_[std::stoull(request->substr(request->find("Job: ") + 5))];
      }
      if (request->find("/mute") != std::string::npos)
        continue;
      switch (++requests_ % 16) {
      case 0:
        continue; // never answers
      case 1:
        std::this_thread::sleep_for(milliseconds{50}); // answers late, for some of the deadlines too late
        break;
      case 2:
        return; // closes instead of an answer
      default:
        break;
      }
      if (!client.answer(requests_ % 5 == 0 ? 503 : 200) || requests_ % 10 == 0)
        return; // closes what the engine takes for idle
    }
  }

  std::mutex mutex_;
  std::map<std::uint64_t, int> arrived_;
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  server receiver_{localhost(),
                   {.before_tls = [this](int fd) { return before_tls(fd); },
                    .serve = [this](peer& client) { serve(client); }}};
};

std::string refusing_url() {
  server gone{localhost(), {}};
  return gone.url();
}

} // namespace

CAF_TEST(each of thousands of POSTs has one outcome and goes out once at most) {
  constexpr int rounds = 40;
  constexpr std::size_t per_round = 100;
  moody_receiver moody;
  // Some wait longer than others, and the spares' own limit passes, too.
  delivery_engine_settings settings;
  settings.connect_timeout = milliseconds{150};
  settings.idle_timeout = milliseconds{40};
  client some{settings};
  const auto url = (*moody).url();
  const auto mute_url = url.substr(0, url.rfind('/')) + "/mute";
  // Each pattern's target is one subscription's.
  const std::vector<delivery_job> patterns{some.job(url),      some.job(url),      some.job((*moody).url("127.0.0.1")),
                                           some.job(mute_url), some.job(mute_url), some.job(refusing_url())};
  std::vector<std::uint64_t> tokens;
  for (int round = 0; round < rounds; ++round) {
    std::vector<delivery_job> jobs;
    for (std::size_t i = 0; i < per_round; ++i) {
      auto job = patterns[i % patterns.size()];
      job.token = tokens.emplace_back(some.next_token());
      job.headers = "Job: " + std::to_string(job.token) + "\r\n";
      job.insecure_ssl = i % 11 == 0;
      // The last round's are under way when the engine ends.
      job.deadline = boot_clock::now() + (round + 1 == rounds ? milliseconds{600'000} : milliseconds{5 + i * 4});
      jobs.push_back(std::move(job));
    }
    some.engine->submit(std::move(jobs));
    if (round % 8 == 7)
      some.engine->reload(local_policy(), some.ca_file());
    // What is under way stays bounded, and rounds overlap.
    CAF_CHECK(eventually([&] { return some.seen().size() + 3 * per_round >= tokens.size(); }));
    if (round + 2 == rounds)
      CAF_REQUIRE(some.wait_for_all(tokens.size()));
  }
  some.engine.reset();

  const auto seen = some.seen();
  const auto arrived = moody.arrived();
  CAF_CHECK_EQUAL(seen.size(), tokens.size());
  std::map<std::string, int> endings;
  for (const auto token : tokens) {
    CAF_CHECK_EQUAL(seen.at(token), 1);
    const auto result = some.wait(token);
    const auto times = arrived.contains(token) ? arrived.at(token) : 0;
    CAF_CHECK(times <= (result.first_byte ? 1 : 0));
    if (result.status_code != 0)
      CAF_CHECK_EQUAL(times, 1);
    ++endings[result.status_code != 0 ? std::to_string(result.status_code)
                                      : result.detail.substr(0, result.detail.find(" by "))];
  }
  for (const auto& [ending, count] : endings)
    CAF_MESSAGE(count << " " << ending);
}
