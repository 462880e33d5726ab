#define CAF_SUITE job_queue
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "actors/job_queue.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

using carillon::actors::job_queue;
using namespace std::chrono_literals;

namespace {

using job = std::function<bool()>; ///< false: the worker that takes it ends

/// Workers on a queue, ended when it goes.
struct crew {
  explicit crew(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      workers.emplace_back([this] {
        while (jobs.take()()) {
        }
      });
  }
  ~crew() {
    for (std::size_t i = 0; i < workers.size(); ++i)
      jobs.put([] { return false; });
    for (auto& w : workers)
      w.join();
  }

  job_queue<job> jobs;
  std::vector<std::thread> workers;
};

/// Whether as many jobs as there are workers get to run at the same time, given by these many threads: each waits
/// until all others do.
bool all_at_once(crew& c, std::size_t givers) {
  struct meeting {
    std::atomic<std::size_t> missing;
    std::promise<void> complete;
    std::shared_future<void> all = complete.get_future().share();
  };
  const auto m = std::make_shared<meeting>();
  m->missing = c.workers.size();
  std::vector<std::jthread> threads;
  for (std::size_t g = 0; g < givers; ++g)
    threads.emplace_back([&c, g, m, givers] {
      for (auto i = g; i < c.workers.size(); i += givers)
        c.jobs.put([m] {
          if (--m->missing == 0)
            m->complete.set_value();
          return m->all.wait_for(60s) == std::future_status::ready;
        });
    });
  return m->all.wait_for(60s) == std::future_status::ready;
}

} // namespace

CAF_TEST(each job is done once however many put and take) {
  constexpr std::size_t givers = 4, each = 20'000;
  std::vector<std::atomic<int>> done(givers * each);
  {
    crew c{3};
    std::vector<std::jthread> threads;
    for (std::size_t g = 0; g < givers; ++g)
      threads.emplace_back([&, g] {
        for (std::size_t i = 0; i < each; ++i)
          c.jobs.put([&, at = g * each + i] {
            ++done[at];
            return true;
          });
      });
    threads.clear();
  }
  CAF_CHECK(std::all_of(done.begin(), done.end(), [](const auto& count) { return count == 1; }));
}

CAF_TEST(jobs are taken in the order in which they came) {
  job_queue<int> jobs;
  for (int i = 0; i < 5; ++i)
    jobs.put(i);
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(jobs.take(), i);
  CAF_CHECK(jobs.rest() == std::deque<int>({3, 4}));
}

CAF_TEST(nobody sleeps while a job waits behind those that take long) {
  for (const std::size_t givers : {1, 3})
    for (int round = 0; round < 500; ++round) {
      crew c{4};
      CAF_REQUIRE(all_at_once(c, givers));
      CAF_REQUIRE(all_at_once(c, givers)); // once more, by workers that have been awake
    }
}
