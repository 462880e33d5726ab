#pragma once

#include "caf/test/unit_test.hpp"

#include "replication/replica.hpp"
#include "tests/sim/simulated_disk.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// A shard's replicas on nodes whose messages, writes and swaps wait until the test lets them happen.
namespace replication_tests {

using namespace carillon;
using namespace carillon::replication;
using coordination::member_role;
using coordination::shard_configuration;
using sim::disk_image;

struct test_node;

/// Nodes whose messages, writes and swaps wait until `settle`.
struct test_cluster {
  std::map<node_id, std::unique_ptr<test_node>> nodes;
  std::deque<std::function<void()>> waiting;
  versioned stored;
  std::chrono::milliseconds now{0};

  test_node& add(const node_id& id);
  test_node& operator[](const node_id& id) { return *nodes.at(id); }
  void settle();
  /// Time for what wasn't answered to be said again.
  void wait();
};

struct test_node : ports {
  test_node(test_cluster& cluster, node_id name) : all{cluster}, id{std::move(name)} { start(); }

  void start() {
    ++life;
    up = true;
    serving = false;
    told = 0;
    core = std::make_unique<replica>(id, disk.found(), replica_settings{}, *this);
    core->configured(all.stored);
    core->tick(all.now);
  }
  void stop() {
    up = false;
    ++life;
    writes.clear();
  }
  void later(std::function<void()> what) {
    all.waiting.push_back([this, when = life, what = std::move(what)] {
      if (up && life == when)
        what();
    });
  }
  void write(std::function<void(disk_image&)> what) {
    writes.push_back(std::move(what));
    if (!slow)
      later([this] { finish_write(); });
  }
  void finish_write() {
    writes.front()(disk);
    writes.pop_front();
    core->stored();
  }
  row_id propose(const std::string& text) {
    const row_id row{core->leading(), core->next_seq()};
    core->propose({row, text, "k" + text + "=v;"});
    return row;
  }

  void send(const node_id& to, message what) override {
    said = what;
    if (deaf.contains(to))
      return;
    all.waiting.push_back([this, to, what] {
      const auto at = all.nodes.find(to);
      if (at != all.nodes.end() && at->second->up)
        at->second->core->received(id, what);
    });
  }
  void save(const promise& what) override {
    write([what](disk_image& d) { d.promised = what; });
  }
  void put(std::uint64_t after, std::vector<log_entry> rows) override {
    write([after, rows = std::move(rows)](disk_image& d) { d.put(after, rows); });
  }
  void apply(std::uint64_t through) override {
    write([through](disk_image& d) { d.apply(through); });
  }
  void reset(const row_id& base, epoch at) override {
    ++resets;
    write([base, at](disk_image& d) { d.reset(base, at); });
  }
  void install(const snapshot_part& part) override {
    ++installed_parts;
    write([part](disk_image& d) { d.install(part); });
  }
  std::optional<epoch> epoch_of(std::uint64_t seq) const override {
    const auto at = disk.log.find(seq);
    return at == disk.log.end() ? std::nullopt : std::optional{at->second.id.at};
  }
  std::vector<log_entry> rows(std::uint64_t from, std::size_t) const override {
    std::vector<log_entry> out;
    for (auto at = disk.log.find(from); at != disk.log.end(); ++at)
      out.push_back(at->second);
    return out;
  }
  snapshot_part next_part(const node_id&, std::uint64_t index) override {
    if (index == 0)
      parts = disk.copy(2);
    return parts.at(index);
  }
  void end_copy(const node_id&) override {}
  void swap(const shard_configuration& next, coordination::revision expected) override {
    ++swaps;
    later([this, next, expected] {
      if (all.stored.at == expected && !swaps_fail)
        all.stored = {next, expected + 1};
      core->swapped();
    });
  }
  void read_configuration() override {
    later([this] { core->configured(all.stored); });
  }
  void begin_serving() override { serving = true; }
  void end_serving() override { serving = false; }
  void committed(std::uint64_t through) override { told = through; }
  void outrun(const node_id& by, std::uint64_t row) override { outrun_by = {by, row}; }

  test_cluster& all;
  node_id id;
  int life = 0, resets = 0, installed_parts = 0, swaps = 0;
  bool up = false, serving = false, slow = false;
  bool swaps_fail = false; ///< those it asks for have no effect
  std::set<node_id> deaf; ///< what is sent to them is lost
  std::uint64_t told = 0;
  std::pair<node_id, std::uint64_t> outrun_by;
  message said; ///< last
  disk_image disk;
  std::deque<std::function<void(disk_image&)>> writes;
  std::vector<snapshot_part> parts;
  std::unique_ptr<replica> core;
};

inline test_node& test_cluster::add(const node_id& id) {
  return *nodes.emplace(id, std::make_unique<test_node>(*this, id)).first->second;
}

inline void test_cluster::settle() {
  while (!waiting.empty()) {
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    next();
  }
}

inline void test_cluster::wait() {
  for (int i = 0; i < 4; ++i) {
    now += std::chrono::milliseconds{1100};
    for (auto& [id, node] : nodes)
      if (node->up) {
        node->core->configured(stored);
        node->core->tick(now);
      }
    settle();
  }
}

/// "a" is primary; the others are full members.
struct replica_fixture {
  test_cluster all;

  test_node& begin(const std::vector<node_id>& members) {
    shard_configuration first{1, "a", {}};
    for (const auto& m : members) {
      all.add(m);
      first.members.push_back({m, member_role::full});
    }
    CAF_REQUIRE(all["a"].core->reconfigure(first));
    all.settle();
    all.wait();
    return all["a"];
  }
  /// A learner that has promised, and writes nothing more.
  void add_slow(const node_id& primary, const node_id& learner) {
    all.add(learner).slow = true;
    CAF_REQUIRE(all[primary].core->reconfigure(*with_learner(now(), learner)));
    all.settle();
    all[learner].finish_write();
    all.settle();
  }
  void pass(const node_id& who, int ms) {
    all.now += std::chrono::milliseconds{ms};
    all[who].core->tick(all.now);
  }
  void change(const node_id& who, const std::optional<shard_configuration>& next) {
    CAF_REQUIRE(next.has_value());
    CAF_REQUIRE(all[who].core->reconfigure(*next));
    all.settle();
    all.wait();
  }
  const shard_configuration& now() const { return all.stored.value; }
};

} // namespace replication_tests
