// What the usual way costs: a BullMQ worker that makes the same POSTs from a Redis queue.
#include "bench/rows.hpp"

#include "bench/child_process.hpp"
#include "bench/process_cpu.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t accounts = 16;
constexpr std::uint64_t jobs = 20'000, quick_jobs = 2'000;
/// As many POSTs under way as the accounts' subscriptions have in all.
constexpr const char* concurrency = "128";
constexpr auto patience = 300s;
constexpr double wanted_ratio = 5;

/// The folder of worker.mjs; empty unless it has been set up (scripts/bench does that).
std::filesystem::path worker_folder() {
  const char* set = std::getenv("CARILLON_BENCH_BULLMQ");
  const std::filesystem::path folder = set != nullptr ? set : "bench/bullmq";
  return std::filesystem::exists(folder / "node_modules" / "bullmq") ? std::filesystem::absolute(folder)
                                                                     : std::filesystem::path{};
}

/// Debian's redis-tools bring the server without a service; it goes by the name that it is called by.
constexpr const char* redis_program = "/usr/bin/redis-check-rdb";

/// Redis on a socket of its own, its log synced each second: as BullMQ's guide for production has it.
command redis(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string program = "redis-server";
  if (!in_path(program)) {
    program = (folder / program).string();
    std::filesystem::create_symlink(redis_program, program);
  }
  command what;
  what.arguments = {program,
                    "--port",
                    "0",
                    "--unixsocket",
                    (folder / "redis.sock").string(),
                    "--dir",
                    folder.string(),
                    "--appendonly",
                    "yes",
                    "--appendfsync",
                    "everysec",
                    "--save",
                    "",
                    "--maxmemory-policy",
                    "noeviction",
                    "--daemonize",
                    "no",
                    "--logfile",
                    (folder / "redis.log").string()};
  return what;
}

struct queue_cost {
  double worker = 0, redis = 0; ///< microseconds a POST
  double per_second = 0;
};

queue_cost run_queue(stage& on, const std::filesystem::path& program, std::uint64_t count) {
  const auto folder = on.folder() / "queue";
  child_process server{redis(folder)};
  command task;
  task.arguments = {"node", (program / "worker.mjs").string(), "add"};
  task.environment = {{"REDIS_SOCKET", (folder / "redis.sock").string()},
                      {"URL", on.receiver().url() + "/queue"},
                      {"CA_FILE", on.authority().string()},
                      {"COUNT", std::to_string(count)},
                      {"CONCURRENCY", concurrency}};
  for (auto left = 100; left > 0 && !std::filesystem::exists(folder / "redis.sock"); --left)
    std::this_thread::sleep_for(50ms);
  const auto redis_before = cpu_of_process(server.pid());
  auto& book = on.book();
  book.start(1);
  book.posted(1, count, domain::boot_clock::now());
  {
    child_process add{task};
    const auto ended = add.wait(patience);
    if (!ended || ended->code != 0)
      throw std::runtime_error("worker.mjs can't fill the queue");
  }
  book.accepted(1, count, domain::boot_clock::now());
  task.arguments.back() = "work";
  child_process worker{task};
  if (worker.read_line(30s) != "ready")
    throw std::runtime_error("worker.mjs doesn't start");
  const auto worker_before = cpu_of_process(worker.pid());
  const auto start = domain::boot_clock::now();
  if (worker.read_line(patience) != "done")
    throw std::runtime_error("worker.mjs doesn't end its jobs");
  const auto seconds = std::chrono::duration<double>(domain::boot_clock::now() - start).count();
  queue_cost cost;
  const auto n = static_cast<double>(count);
  cost.worker = static_cast<double>((cpu_of_process(worker.pid()) - worker_before).count()) / 1e3 / n;
  cost.redis = static_cast<double>((cpu_of_process(server.pid()) - redis_before).count()) / 1e3 / n;
  cost.per_second = n / seconds;
  server.signal(SIGTERM);
  server.wait(5s);
  std::filesystem::remove_all(folder);
  if (const auto found = book.judge(); !found.clean())
    throw std::runtime_error("the queue lost or doubled something: " + found.to_string());
  return cost;
}

} // namespace

bool queue_is_possible() {
  return !worker_folder().empty() && in_path("node") &&
         (in_path("redis-server") || ::access(redis_program, X_OK) == 0);
}

void measure_queue(stage& on, figures& into) {
  if (!queue_is_possible())
    throw std::runtime_error(
        "there is no Redis, no node, or bench/bullmq is not set up; \"scripts/bench queue\" does it "
        "where npm is");
  const auto program = worker_folder();
  const bool quick = on.how_long().measured < 5s;
  const auto queue = run_queue(on, program, quick ? quick_jobs : jobs);

  const auto m = on.deliver(
      in_batches(make_tenants(on.fresh_node(), accounts, "beside-", on.receiver().url() + "/fast", {})));
  const auto node_cpu = static_cast<double>(m.node_cpu.count()) / 1e3 / static_cast<double>(m.posts);
  into.add("POSTs of a BullMQ worker", unit::per_second, queue.per_second);
  into.add("worker CPU per POST", unit::microseconds, queue.worker);
  into.add("Redis CPU per POST", unit::microseconds, queue.redis);
  into.add("delivered notifications", unit::per_second, static_cast<double>(m.posts) / m.seconds());
  into.add("node CPU per delivered notification", unit::microseconds, node_cpu);
  into.add("ratio: worker and Redis CPU over node CPU", unit::times, (queue.worker + queue.redis) / node_cpu,
           at_least(wanted_ratio));
}

} // namespace carillon::bench
