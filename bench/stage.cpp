#include "bench/stage.hpp"

#include "playground/test_ca.hpp"

#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

/// Without an arrival for so long, what is missing counts as lost.
constexpr auto patience = 10s;
/// Between two rows' numbers, so that nothing late is taken for the next row's.
constexpr std::uint64_t gap = 1'000'000;

/// The generator on a thread of its own; its end is waited for in any case.
class playing {
public:
  playing(const load_settings& settings, ledger& book)
      : thread_([this, settings, &book] {
          try {
            result_ = run_load(settings, book, stop_);
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}
  ~playing() {
    stop_ = true;
    if (thread_.joinable())
      thread_.join();
  }

  load_result finish() {
    stop_ = true;
    thread_.join();
    if (failure_)
      std::rethrow_exception(failure_);
    return std::move(result_);
  }

private:
  std::atomic<bool> stop_{false};
  load_result result_;
  std::exception_ptr failure_;
  std::thread thread_;
};

} // namespace

stage::stage(const stage_settings& settings) : settings_(settings) {
  std::filesystem::create_directories(settings_.folder);
  const auto files = playground::make_test_ca(settings_.folder / "ca");
  authority_ = files.authority;
  sink_ = std::make_unique<sink>(sink_settings{files.certificate, files.key, 0}, book_);
}

stage::~stage() {
  node_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(settings_.folder, ignored);
}

node& stage::fresh_node() {
  if (node_)
    stop_node();
  node_settings settings;
  settings.program = settings_.program;
  settings.folder = settings_.folder / ("node" + std::to_string(++nodes_));
  settings.authority = authority_;
  settings.flags = settings_.node_flags;
  node_ = std::make_unique<node>(settings);
  return *node_;
}

void stage::stop_node() {
  const auto stopped = std::exchange(node_, nullptr);
  stopped->stop();
  std::error_code ignored;
  std::filesystem::remove_all(settings_.folder / ("node" + std::to_string(nodes_)), ignored);
}

measurement stage::snapshot() {
  measurement m;
  m.from = m.to = domain::boot_clock::now();
  m.accepted = book_.accepted_count();
  m.arrived = book_.arrived_count();
  m.posts = book_.post_count();
  const auto received = sink_->stats();
  m.sink_requests = received.requests;
  m.handshakes = received.handshakes;
  m.written = node_->written_bytes();
  m.node_cpu = node_->cpu();
  m.sink_cpu = sink_->cpu();
  return m;
}

measurement stage::play(load_settings load) {
  const auto& times = settings_.how_long;
  load.port = node_->port();
  load.token = node_->ingest_token();
  load.first = next_number_;
  load.duration = times.warm_up + times.measured + 5s; // Ended by `finish`.
  book_.start(load.first);
  playing generator{load, book_};
  std::this_thread::sleep_for(times.warm_up);
  node_->check_alive();
  const auto before = snapshot();
  std::this_thread::sleep_for(times.measured);
  node_->check_alive();
  auto counted = snapshot();
  latest_ = generator.finish();
  next_number_ = load.first + latest_.events + gap;
  if (!latest_.refused.empty())
    throw std::runtime_error("the node answered " + std::to_string(latest_.refused.begin()->first) + " to " +
                             std::to_string(latest_.refused.begin()->second) +
                             " requests: " + latest_.refusal);
  if (latest_.broken > 0)
    throw std::runtime_error("the node left " + std::to_string(latest_.broken) + " requests unanswered");
  counted.from = before.to;
  counted.accepted -= before.accepted;
  counted.arrived -= before.arrived;
  counted.posts -= before.posts;
  counted.sink_requests -= before.sink_requests;
  counted.handshakes -= before.handshakes;
  counted.written -= before.written;
  counted.node_cpu -= before.node_cpu;
  counted.sink_cpu -= before.sink_cpu;
  return counted;
}

void stage::settle() {
  auto arrived = book_.arrived_count();
  auto last = domain::boot_clock::now();
  while (arrived < book_.accepted_count() && domain::boot_clock::now() < last + patience) {
    std::this_thread::sleep_for(10ms);
    node_->check_alive();
    if (const auto now_arrived = book_.arrived_count(); now_arrived != arrived) {
      arrived = now_arrived;
      last = domain::boot_clock::now();
    }
  }
}

void stage::judge() {
  settle();
  // Only a node that ended can send nothing more.
  stop_node();
  const auto found = book_.judge();
  if (!found.clean())
    throw std::runtime_error("events were lost or doubled: " + found.to_string());
}

} // namespace carillon::bench
