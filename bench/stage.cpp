#include "bench/stage.hpp"

#include <algorithm>
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
/// For events that are posted before anything is measured.
constexpr auto longest_posting = 180s;
/// Between two rows' numbers, so that nothing late is taken for the next row's.
constexpr std::uint64_t gap = 1'000'000;

} // namespace

stage::stage(const stage_settings& settings) : settings_(settings) {
  std::filesystem::create_directories(settings_.folder);
  files_ = playground::make_test_ca(settings_.folder / "ca");
  sink_settings receiver;
  receiver.silent_book = &silent_book_;
  sink_ = another_sink(receiver);
}

std::unique_ptr<sink> stage::another_sink(sink_settings settings) {
  settings.certificate = files_.certificate;
  settings.key = files_.key;
  return std::make_unique<sink>(settings, book_);
}

stage::~stage() {
  node_.reset();
  cluster_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(settings_.folder, ignored);
}

std::filesystem::path stage::folder_of_node() const {
  return settings_.folder / ("node" + std::to_string(nodes_));
}

node_settings stage::settings_of_node(const std::vector<std::string>& flags) const {
  node_settings settings;
  settings.program = settings_.program;
  settings.folder = folder_of_node();
  settings.authority = files_.authority;
  settings.flags = flags;
  // Behind the row's, so that they win.
  settings.flags.insert(settings.flags.end(), settings_.node_flags.begin(), settings_.node_flags.end());
  return settings;
}

void stage::start_node(const std::vector<std::string>& flags) {
  node_ = std::make_unique<node>(settings_of_node(flags));
  node_->wait_ready();
}

node& stage::fresh_node(const std::vector<std::string>& flags) {
  return filled_node([](const std::filesystem::path&) {}, flags);
}

node& stage::filled_node(const std::function<void(const std::filesystem::path& folder)>& fill,
                         const std::vector<std::string>& flags) {
  stop_nodes();
  ++nodes_;
  prepare_folder(folder_of_node());
  fill(folder_of_node());
  start_node(flags);
  return *node_;
}

node& stage::killed_and_started_node(const std::vector<std::string>& flags) {
  std::exchange(node_, nullptr)->kill();
  start_node(flags);
  return *node_;
}

cluster& stage::fresh_cluster(std::size_t size, const std::vector<std::string>& flags) {
  stop_nodes();
  ++nodes_;
  cluster_ = std::make_unique<cluster>(settings_of_node(flags), size);
  return *cluster_;
}

std::vector<node*> stage::nodes() const {
  return cluster_ ? cluster_->running() : std::vector<node*>{node_.get()};
}

void stage::check_alive() const {
  for (auto* n : nodes())
    n->check_alive();
}

void stage::stop_nodes() {
  if (const auto stopped = std::exchange(node_, nullptr))
    stopped->stop();
  if (const auto stopped = std::exchange(cluster_, nullptr)) {
    for (auto* n : stopped->running())
      n->check_alive();
    stopped->kill_all();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_of_node(), ignored);
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
  for (const auto* n : nodes()) {
    m.written += n->written_bytes();
    m.node_cpu += n->cpu();
  }
  m.sink_cpu = sink_->cpu();
  return m;
}

void stage::take(const load_result& result, std::uint64_t first) {
  next_number_ = std::max(next_number_, first + result.events + gap);
  if (!result.refused.empty())
    throw std::runtime_error("the node answered " + std::to_string(result.refused.begin()->first) + " to " +
                             std::to_string(result.refused.begin()->second) + " requests: " + result.refusal);
  if (result.broken > 0)
    throw std::runtime_error("the node left " + std::to_string(result.broken) + " requests unanswered");
}

load_settings stage::aimed(load_settings load) const {
  for (const auto* n : nodes())
    load.ports.push_back(n->port());
  load.token = nodes().front()->ingest_token();
  for (const auto* n : nodes())
    n->wait_for_token(load.token);
  load.first = next_number_;
  return load;
}

std::unique_ptr<playing> stage::begin(load_settings load, ledger& into) {
  load = aimed(std::move(load));
  into.start(load.first);
  next_number_ += load.most_events + gap;
  return std::make_unique<playing>(std::move(load), into);
}

load_result stage::end(playing& load) {
  auto result = load.finish();
  take(result, load.settings().first);
  return result;
}

void stage::post_all(load_settings load, ledger& into) {
  load = aimed(std::move(load));
  load.duration = longest_posting;
  into.start(load.first);
  const std::atomic<bool> never{false};
  latest_ = run_load(load, into, never);
  take(latest_, load.first);
  if (latest_.accepted < load.most_events)
    throw std::runtime_error("the node took only " + std::to_string(latest_.accepted) + " of " +
                             std::to_string(load.most_events) + " events in " +
                             std::to_string(longest_posting.count()) + " s");
}

measurement stage::play(load_settings load, const pace& time, const std::function<void()>& each_second) {
  load = aimed(std::move(load));
  load.duration = time.warm_up + time.measured + 5s; // Ended by `finish`.
  book_.start(load.first);
  playing generator{load, book_};
  std::this_thread::sleep_for(time.warm_up);
  check_alive();
  const auto before = snapshot();
  for (auto next = before.to + 1s; next < before.to + time.measured; next += 1s) {
    std::this_thread::sleep_for(next - domain::boot_clock::now());
    if (each_second)
      each_second();
  }
  std::this_thread::sleep_for(before.to + time.measured - domain::boot_clock::now());
  check_alive();
  auto counted = snapshot();
  latest_ = generator.finish();
  take(latest_, load.first);
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

measurement stage::deliver(load_settings load) {
  const auto m = play(std::move(load));
  if (m.posts == 0)
    throw std::runtime_error("nothing was delivered");
  judge();
  return m;
}

void stage::settle() {
  auto arrived = book_.arrived_count();
  auto last = domain::boot_clock::now();
  while (arrived < book_.accepted_count() && domain::boot_clock::now() < last + patience) {
    std::this_thread::sleep_for(10ms);
    check_alive();
    if (const auto now_arrived = book_.arrived_count(); now_arrived != arrived) {
      arrived = now_arrived;
      last = domain::boot_clock::now();
    }
  }
}

void stage::judge() {
  settle();
  // Only a node that ended can send nothing more.
  stop_nodes();
  const auto found = book_.judge();
  if (!found.clean())
    throw std::runtime_error("events were lost or doubled: " + found.to_string());
}

} // namespace carillon::bench
