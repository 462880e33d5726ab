#define CAF_SUITE replica
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "replication/replica.hpp"
#include "tests/sim/simulated_disk.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <set>

using namespace carillon;
using namespace carillon::replication;
using coordination::member_role;
using coordination::shard_configuration;
using sim::disk_image;

namespace {

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
    later([this, next, expected] {
      if (all.stored.at == expected)
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
  int life = 0, resets = 0, installed_parts = 0;
  bool up = false, serving = false, slow = false;
  std::set<node_id> deaf; ///< what is sent to them is lost
  std::uint64_t told = 0;
  std::pair<node_id, std::uint64_t> outrun_by;
  message said; ///< last
  disk_image disk;
  std::deque<std::function<void(disk_image&)>> writes;
  std::vector<snapshot_part> parts;
  std::unique_ptr<replica> core;
};

test_node& test_cluster::add(const node_id& id) {
  return *nodes.emplace(id, std::make_unique<test_node>(*this, id)).first->second;
}

void test_cluster::settle() {
  while (!waiting.empty()) {
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    next();
  }
}

void test_cluster::wait() {
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
struct fixture {
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

} // namespace

CAF_TEST_FIXTURE_SCOPE(replica_tests, fixture)

CAF_TEST(a node alone with its minimum lowered serves after its first configuration) {
  auto& a = all.add("a");
  replica_settings one;
  one.min_replicas = 1;
  a.core = std::make_unique<replica>("a", a.disk.found(), one, a);
  CAF_REQUIRE(a.core->reconfigure({1, "a", {{"a", member_role::full}}}));
  all.settle();
  CAF_REQUIRE(a.serving);
  a.slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  a.finish_write(); // the row
  CAF_CHECK_EQUAL(a.told, 0u);
  a.finish_write(); // its table writes
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a node alone below its minimum does not serve) {
  CAF_CHECK(!begin({"a"}).serving);
}

CAF_TEST(a row is committed once every member has it on its disk) {
  auto& a = begin({"a", "b", "c"});
  CAF_REQUIRE(a.serving);
  all["c"].slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  all["c"].finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a replica is busy as long as time may bring it something to say) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  CAF_CHECK(!a.core->busy());
  CAF_CHECK(!b.core->busy());
  b.slow = true;
  a.propose("x");
  all.settle();
  CAF_CHECK(a.core->busy()); // b hasn't answered
  CAF_CHECK(!b.core->busy());
  b.finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(a.core->busy()); // b doesn't know that it is committed
  a.core->tick(all.now);
  CAF_CHECK(!a.core->busy());
  b.slow = false;
  all.settle();
  CAF_REQUIRE(a.core->reconfigure(now()));
  CAF_CHECK(a.core->busy());
  all.settle();
  CAF_CHECK(!a.core->busy());
  b.stop();
  CAF_REQUIRE(a.core->reconfigure(now()));
  all.settle();
  CAF_CHECK(a.core->busy()); // where b stands isn't known
}

CAF_TEST(what a member has not acknowledged is its lag) {
  auto& a = begin({"a", "b", "c"});
  using lag = replica::lag;
  CAF_CHECK(a.core->lag_of("b") == lag{});
  all["c"].slow = true;
  a.propose("1");
  a.propose("2");
  CAF_CHECK(a.core->lag_of("c") == lag{}); // they are not durable here yet
  all.settle();
  pass("a", 300);
  a.propose("3");
  all.settle();
  pass("a", 200);
  CAF_CHECK(a.core->lag_of("a") == lag{});
  CAF_CHECK(a.core->lag_of("b") == lag{});
  CAF_CHECK((a.core->lag_of("c") == lag{3, std::chrono::milliseconds{500}}));
  all["c"].finish_write(); // the first row alone
  all.settle();
  CAF_CHECK((a.core->lag_of("c") == lag{2, std::chrono::milliseconds{500}}));
  all["c"].finish_write();
  all.settle();
  CAF_CHECK(a.core->lag_of("c") == lag{});
  a.propose("4");
  all.settle();
  a.propose("5"); // not durable here
  CAF_CHECK((a.core->lag_of("c") == lag{1, std::chrono::milliseconds{0}}));
}

CAF_TEST(no lag is told of whom nothing is known) {
  auto& a = begin({"a", "b"});
  CAF_CHECK(!all["b"].core->lag_of("a"));
  CAF_CHECK(!a.core->lag_of("stranger"));
  auto& c = all.add("c");
  c.stop();
  change("a", with_learner(now(), "c"));
  CAF_CHECK(!a.core->lag_of("c"));
  c.start();
  all.wait();
  CAF_CHECK(a.core->lag_of("c") == replica::lag{});
  all["b"].stop();
  CAF_REQUIRE(a.core->reconfigure(now()));
  all.settle();
  CAF_CHECK(!a.core->lag_of("b")); // in this epoch it hasn't said anything
}

CAF_TEST(no row waits for longer than the member is one) {
  auto& a = begin({"a", "b"});
  all["b"].slow = true;
  a.propose("1");
  all.settle();
  pass("a", 300);
  add_slow("a", "c");
  pass("a", 200);
  CAF_CHECK((a.core->lag_of("c") == replica::lag{1, std::chrono::milliseconds{200}}));
}

CAF_TEST(no row waits for longer than its primary leads) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3"})
    a.propose(text);
  all.settle();
  a.stop();
  auto& b = all["b"];
  all.add("c");
  auto next = taken_over_by(now(), "b");
  CAF_REQUIRE(next.has_value());
  next->members.push_back({"c", member_role::tailing});
  CAF_REQUIRE(b.core->reconfigure(*next));
  all.settle();
  CAF_REQUIRE(b.serving);
  add_slow("b", "d");
  pass("b", 300);
  b.propose("4");
  all.settle();
  pass("b", 200);
  CAF_CHECK((b.core->lag_of("d") == replica::lag{4, std::chrono::milliseconds{500}}));
}

CAF_TEST(a member is being filled from its reset to the end of its copy) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3", "4", "5"})
    a.propose(text);
  all.settle();
  a.disk.erase_before(4);
  const auto filling = [&] { return a.core->followers().at("c").filling; };
  all.add("c").slow = true;
  CAF_REQUIRE(a.core->reconfigure(*with_learner(now(), "c")));
  all.settle();
  CAF_CHECK(!filling());
  for (bool ended = false; !ended;) {
    all["c"].finish_write();
    all.settle();
    ended = all["c"].writes.empty();
    CAF_CHECK_EQUAL(filling(), !ended);
  }
  CAF_CHECK(!a.core->followers().at("b").filling);
}

CAF_TEST(a new member is reset and copied and gets the rows that come meanwhile) {
  auto& a = begin({"a", "b"});
  for (const auto* text : {"1", "2", "3", "4", "5"})
    a.propose(text);
  all.settle();
  a.disk.erase_before(4);
  auto& c = all.add("c");
  change("a", with_learner(now(), "c"));
  CAF_CHECK_EQUAL(c.resets, 1);
  CAF_CHECK(c.disk.whole);
  a.propose("6");
  all.settle();
  CAF_CHECK(!a.core->reconfigure(*promoted(now(), "c", member_role::full)));
  CAF_REQUIRE(a.core->count_in("c"));
  CAF_REQUIRE(a.core->caught_up("c"));
  c.slow = true;
  a.propose("7");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 6u); // it counts already
  c.slow = false;
  while (!c.writes.empty())
    c.finish_write();
  all.settle();
  CAF_CHECK_EQUAL(a.told, 7u);
  change("a", promoted(now(), "c", member_role::full));
  CAF_CHECK(a.serving);
  CAF_CHECK_EQUAL(now().count(member_role::full), 3u);
  CAF_CHECK_EQUAL(c.disk.last(), a.disk.last());
  CAF_CHECK_EQUAL(c.disk.tables.sum, a.disk.tables.sum);
}

CAF_TEST(a member is up to date once its leader has told it so in its life) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  a.propose("1");
  all.settle();
  all.wait();
  CAF_CHECK(a.core->up_to_date());
  CAF_CHECK(b.core->up_to_date());
  b.stop();
  b.start();
  CAF_CHECK(!b.core->up_to_date()); // there may be more by now
  all.wait();
  CAF_CHECK(b.core->up_to_date());
  auto& c = all.add("c");
  CAF_CHECK(!c.core->up_to_date());
  a.disk.erase_before(1);
  change("a", with_learner(now(), "c"));
  all.wait();
  CAF_CHECK(c.core->up_to_date());
  c.slow = true;
  a.propose("2");
  all.settle();
  CAF_CHECK(!c.core->up_to_date());
}

CAF_TEST(a new member whose log fits is not copied) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  auto& c = all.add("c");
  change("a", with_learner(now(), "c"));
  CAF_CHECK_EQUAL(c.resets, 0);
  CAF_CHECK_EQUAL(c.disk.tables.sum, a.disk.tables.sum);
}

CAF_TEST(a member takes over with its own log) {
  auto& a = begin({"a", "b", "c"});
  a.propose("1");
  all.settle();
  a.deaf = {"b"};
  a.propose("2"); // only c has it
  all.settle();
  a.stop();
  change("b", taken_over_by(now(), "b"));
  CAF_REQUIRE(all["b"].serving);
  const auto row = all["b"].propose("other 2");
  all.settle();
  CAF_CHECK_EQUAL(all["b"].told, 2u);
  CAF_CHECK_EQUAL(all["c"].disk.last(), row);
  // The old primary finds that it is none, and its tail is replaced when it is a member again.
  a.deaf.clear();
  a.start();
  change("b", with_learner(now(), "a"));
  CAF_CHECK(!a.serving);
  CAF_CHECK_EQUAL(a.disk.last(), row);
  CAF_CHECK_EQUAL(a.resets, 0);
}

CAF_TEST(a paused primary commits nothing once another has taken over) {
  auto& a = begin({"a", "b"});
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  all.add("c");
  CAF_REQUIRE(all["b"].core->reconfigure(next));
  a.propose("late");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  all.wait();
  CAF_CHECK(!a.serving);
  CAF_CHECK(all["b"].serving);
}

CAF_TEST(a tailing spare lets a takeover serve before it is filled) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  all["b"].disk.erase_before(2);
  a.stop();
  all.add("c");
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  change("b", next);
  CAF_REQUIRE(all["b"].serving);
  CAF_CHECK(all["b"].core->count_in("c"));
  change("b", promoted(now(), "c", member_role::full));
  CAF_CHECK_EQUAL(all["c"].disk.tables.sum, all["b"].disk.tables.sum);
}

CAF_TEST(a primary that restarts serves under a new epoch) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  const auto before = now().epoch;
  a.stop();
  a.start();
  all.settle();
  all.wait();
  CAF_CHECK(a.serving);
  CAF_CHECK_EQUAL(now().epoch, before + 1);
  a.propose("2");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 2u);
}

CAF_TEST(a primary with an old disk never serves) {
  for (const bool member_forgets : {false, true}) {
    fixture f;
    auto& a = f.begin({"a", "b"});
    auto& b = f.all["b"];
    a.propose("1");
    f.all.settle();
    const auto old = a.disk;
    a.propose("2");
    a.propose("3");
    f.all.settle();
    f.all.wait();
    a.stop();
    if (member_forgets) { // what was committed; it knows still whose rows it has
      b.stop();
      b.disk.applied = 0;
      b.start();
    }
    a.disk = old;
    a.start();
    f.all.wait();
    CAF_CHECK_EQUAL(a.outrun_by.first, "b");
    CAF_CHECK_EQUAL(a.outrun_by.second, 3u);
    CAF_CHECK(!a.serving);
    CAF_CHECK_EQUAL(b.disk.last().seq, 3u);
    // Its member, with all that was committed, takes over.
    a.stop();
    f.all.add("c");
    auto next = *taken_over_by(f.now(), "b");
    next.members.push_back({"c", member_role::tailing});
    f.change("b", next);
    CAF_CHECK(b.serving);
    CAF_CHECK_EQUAL(b.disk.last().seq, 3u);
  }
}

CAF_TEST(a handover leaves both full and loses nothing) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  CAF_CHECK(!a.core->reconfigure(*handed_to(now(), "b"))); // rows may still come
  a.core->stop_proposing();
  change("a", handed_to(now(), "b"));
  CAF_CHECK(!a.serving);
  CAF_REQUIRE(all["b"].serving);
  all["b"].propose("2");
  all.settle();
  CAF_CHECK_EQUAL(all["b"].told, 2u);
  CAF_CHECK_EQUAL(a.disk.last().seq, 2u);
}

CAF_TEST(a handover that is given up ends with a new epoch) {
  auto& a = begin({"a", "b"});
  a.core->stop_proposing();
  change("a", renewed_by(now(), "a"));
  CAF_CHECK(a.serving);
  a.propose("1");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 1u);
}

CAF_TEST(a member that fails is removed before anything is committed without it) {
  auto& a = begin({"a", "b", "c"});
  all["c"].stop();
  a.propose("1");
  all.settle();
  CAF_CHECK_EQUAL(a.told, 0u);
  change("a", without_member(now(), "c"));
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(a.serving);
}

CAF_TEST(a member that promised to a candidate that died is won back by a new epoch) {
  auto& a = begin({"a", "b"});
  auto& b = all["b"];
  CAF_REQUIRE(b.core->reconfigure(*taken_over_by(now(), "b")));
  b.finish_write(); // the promise
  b.stop();
  b.start();
  a.propose("1");
  all.settle();
  all.wait();
  CAF_CHECK_EQUAL(a.told, 1u);
  CAF_CHECK(now().primary == "a");
  CAF_CHECK(a.serving);
}

CAF_TEST(a new primary fills nobody with less than the old one may have committed) {
  auto& a = begin({"a", "b"});
  a.propose("1");
  all.settle();
  auto& b = all["b"];
  CAF_CHECK_EQUAL(a.told, 1u);
  a.stop();
  // c has a whole, empty copy, and the row that was committed doesn't come.
  auto& c = all.add("c");
  b.deaf = {"c"};
  auto next = *taken_over_by(now(), "b");
  next.members.push_back({"c", member_role::tailing});
  change("b", next);
  b.core->received("c", standing{b.core->leading(), {}, 0, true, {}, 0, 0, 0});
  all.settle();
  b.core->count_in("c");
  CAF_CHECK(!b.core->caught_up("c"));
  CAF_CHECK(!b.core->reconfigure(*promoted(now(), "c", member_role::full)));
  b.deaf.clear();
  all.wait();
  b.core->count_in("c");
  CAF_CHECK(b.core->caught_up("c"));
  CAF_CHECK_EQUAL(c.disk.last(), b.disk.last());
}

CAF_TEST(parts of two copies never mix) {
  auto& c = all.add("c");
  c.core->received("a", lead{1});
  all.settle();
  c.core->received("a", reset{1, {1, 5}});
  c.core->received("a", snapshot_part{1, {1, 5}, 1, 0, false, "old=1\n"});
  c.core->received("a", snapshot_part{1, {1, 5}, 2, 0, false, "new=1\n"});
  all.settle();
  const auto before = c.installed_parts;
  c.core->received("a", snapshot_part{1, {1, 5}, 1, 1, true, "old=2\n"}); // late
  all.settle();
  CAF_CHECK_EQUAL(c.installed_parts, before);
  CAF_CHECK(!c.core->whole());
  c.core->received("a", snapshot_part{1, {1, 5}, 2, 1, true, "new=2\n"});
  all.settle();
  CAF_CHECK(c.core->whole());
  CAF_CHECK_EQUAL(c.disk.tables.rows.count("old"), 0u);
}

CAF_TEST(rows that a write under way erases are not acknowledged) {
  auto& b = all.add("b");
  b.core->received("a", lead{1});
  all.settle();
  b.core->received("a", append{1, {}, 0, {{{1, 1}, "1", ""}, {{1, 2}, "2", ""}, {{1, 3}, "3", ""}}});
  all.settle();
  b.core->received("c", lead{2});
  all.settle();
  b.slow = true;
  b.core->received("c", append{2, {1, 1}, 0, {{{2, 2}, "other 2", ""}, {{2, 3}, "other 3", ""}}});
  b.core->received("c", append{2, {}, 0, {}});
  CAF_REQUIRE(std::holds_alternative<appended>(b.said));
  CAF_CHECK_EQUAL(std::get<appended>(b.said).last, 1u);
  b.finish_write();
  CAF_CHECK_EQUAL(std::get<appended>(b.said).last, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
