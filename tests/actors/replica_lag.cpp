#define CAF_SUITE replica_lag
#define CAF_TEST_NO_MAIN
#include "actors/peer_message.hpp"
#include "actors/replica_seat.hpp"
#include "replication/message_codec.hpp"
#include "storage/keys.hpp"
#include "tests/actors/node_fixture.hpp"

#include <optional>
#include <variant>

using namespace actor_tests;

namespace {

constexpr domain::shard_id moved{3};
constexpr std::uint64_t first_row = 5; ///< those before are past retention
constexpr std::uint64_t table_rows = 60;
constexpr std::size_t row_bytes = 100'000;

/// Holds one entry, and answers at once.
struct one_entry final : coordination::configuration_store {
  void get(std::string, coordination::reach, std::function<void(coordination::get_result)> done) override {
    coordination::get_result result;
    if (entry)
      result.entries.push_back(*entry);
    done(std::move(result));
  }
  void compare_and_swap(coordination::swap_request request,
                        std::function<void(coordination::swap_result)> done) override {
    const auto now = entry ? entry->modified : 0;
    if (request.expected == now)
      entry = coordination::entry{request.key, request.value.value_or(""), now + 1, 0};
    done({});
  }
  std::unique_ptr<coordination::ongoing> watch(std::string, coordination::revision,
                                               std::function<void(coordination::watch_report)>) override {
    return nullptr;
  }
  void grant(std::chrono::seconds, std::function<void(coordination::lease_result)>) override {}
  std::unique_ptr<coordination::ongoing> keep_alive(coordination::lease_id, std::chrono::seconds,
                                                    std::function<void(std::string)>) override {
    return nullptr;
  }

  std::optional<coordination::entry> entry;
};

using said_list = std::vector<replication::message>;

sweeper_actor::behavior_type no_sweeper(sweeper_actor::pointer) {
  return {
      [](serve_atom, domain::shard_id, const shard_actor&) {},
      [](unserve_atom, domain::shard_id) {},
      [](sweep_atom) {},
  };
}

/// A replica that leads its shard alone, with "peer" about to become a member. The test speaks for the peer.
struct fixture : node_fixture {
  fixture() : configuration{std::make_shared<one_entry>()} {
    storage::group_commit log{store};
    const auto row = storage_tests::row_of(store, raw(moved), first_row, {storage_tests::entries_of(1, "x")});
    CAF_REQUIRE(log.commit({&row, 1}).front().written);
    for (std::uint64_t i = 0; i < table_rows; ++i)
      CAF_REQUIRE(storage_tests::put_table(log, storage::key(moved, storage::row_kind::block, 1, i),
                                           std::string(row_bytes, 'x')));
    sweep = sys.spawn(no_sweeper);
    replica_neighbours around;
    around.shard = moved;
    around.writer = write;
    around.directory = where;
    around.sweeper = sweep;
    around.configuration = configuration;
    around.send = [this](std::uint64_t, const std::string& message) {
      const auto read = decode_peer_message(message);
      CAF_REQUIRE(read);
      auto what = replication::decode(std::get<replica_said>(*read).what);
      CAF_REQUIRE(what);
      said.push_back(std::move(*what));
      return true;
    };
    around.cluster = "test";
    around.self = "here";
    around.min_replicas = 1;
    seat = replica_seat::make(node, around);
    lead = sys.spawn(actors::replica, seat, moved, where);
    seat->attach(lead);
    view.name = "test";
    view.self = view.founder = "here";
    view.min_replicas = 1;
    view.nodes["here"] = view.nodes["peer"] = {};
    view.reachable.emplace("peer", reached_node{entry_actor{}, 1});
    show();
    CAF_REQUIRE_EQUAL(known().epoch, 1u);
  }
  ~fixture() override {
    view.reachable.clear();
    caf::anon_send_exit(lead, caf::exit_reason::kill);
    caf::anon_send_exit(sweep, caf::exit_reason::kill);
    sched.run();
  }

  coordination::shard_configuration known() const {
    CAF_REQUIRE(configuration->entry.has_value());
    auto read = coordination::decode_shard(configuration->entry->key, configuration->entry->value);
    CAF_REQUIRE(std::holds_alternative<coordination::shard_configuration>(read));
    return std::get<coordination::shard_configuration>(read);
  }
  void show() {
    caf::anon_send(lead, cluster_view_ptr{std::make_shared<cluster_view>(view)});
    sched.run();
  }
  void add_peer() {
    view.shards[moved] = {known(), configuration->entry->modified};
    view.steps = {{moved, coordination::placement_step::kind::add_learner, "peer"}};
    show();
    CAF_REQUIRE(known().find("peer") != nullptr);
  }
  void say(const replication::message& what) {
    seat->heard("peer", replication::encode(what));
    sched.run();
  }
  template <class Message>
  Message last_said() const {
    CAF_REQUIRE(!said.empty());
    CAF_REQUIRE(std::holds_alternative<Message>(said.back()));
    return std::get<Message>(said.back());
  }
  void propose(std::uint64_t seq) {
    auto row = storage_tests::row_of(store, raw(moved), seq, {storage_tests::entries_of(1, "y")});
    seat->take_row({std::move(row), [](const storage::row_result&) {}});
    sched.run();
  }
  shard_lag_ptr lag() {
    caf::scoped_actor asker{sys};
    auto pending = asker->request(lead, caf::infinite, lag_atom_v);
    sched.run();
    shard_lag_ptr told;
    pending.receive([&](const shard_lag_ptr& one) { told = one; }, [](const caf::error&) {});
    return told;
  }
  member_lag of_peer() {
    const auto told = lag();
    CAF_REQUIRE(told != nullptr);
    CAF_CHECK_EQUAL(told->epoch, known().epoch);
    for (const auto& m : told->members)
      if (m.node == "peer")
        return m;
    return {};
  }
  std::optional<std::uint64_t> rows_lacked() {
    const auto behind = of_peer().behind;
    return behind ? std::optional{behind->rows} : std::nullopt;
  }

  std::shared_ptr<one_entry> configuration;
  said_list said;
  sweeper_actor sweep;
  std::shared_ptr<replica_seat> seat;
  replica_actor lead;
  cluster_view view;
};

std::uint64_t bytes_in(const replication::snapshot_part& part) {
  const auto rows = storage::decode_table_writes(part.rows);
  CAF_REQUIRE(rows.has_value());
  std::uint64_t bytes = 0;
  for (const auto& row : *rows)
    bytes += row.key.size() + row.value.size();
  return bytes;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(replica_lag_tests, fixture)

CAF_TEST(a primary tells how far a copy has come) {
  using fill = member_lag::fill;
  add_peer();
  const auto at = last_said<replication::lead>().at;
  CAF_CHECK(of_peer() == (member_lag{"peer", {}, {}}));
  say(replication::standing{at, {}, 0, true, {}, 0, 0, 0});
  const auto base = last_said<replication::reset>().base;
  CAF_CHECK(of_peer() == (member_lag{"peer", {}, fill{}}));
  say(replication::appended{at, base.seq});
  CAF_CHECK_EQUAL(rows_lacked().value_or(9), 0u);
  std::uint64_t done = 0, sizes = 0;
  for (;;) {
    const auto part = last_said<replication::snapshot_part>();
    const auto filled = of_peer().filled;
    CAF_REQUIRE(filled.has_value());
    CAF_CHECK_EQUAL(filled->done, done);
    if (filled->of) {
      ++sizes;
      CAF_CHECK(*filled->of > table_rows * row_bytes);
      CAF_CHECK(*filled->of >= done + bytes_in(part));
    }
    done += bytes_in(part);
    if (part.last)
      break;
    say(replication::installed{at, part.copy, part.index, false});
  }
  CAF_CHECK(sizes >= 2);
  CAF_CHECK(of_peer().filled->of == done);
  const auto part = last_said<replication::snapshot_part>();
  say(replication::installed{at, part.copy, part.index, true});
  CAF_CHECK(!of_peer().filled);
}

CAF_TEST(a primary tells what a member has not acknowledged) {
  add_peer();
  const auto at = last_said<replication::lead>().at;
  const auto own = lag()->members.at(0);
  CAF_CHECK(own == (member_lag{"here", replication::replica::lag{}, {}}));
  CAF_CHECK(!rows_lacked());
  say(replication::standing{at, {}, 0, true, {}, 0, 0, 0});
  const auto base = last_said<replication::reset>().base;
  say(replication::appended{at, base.seq});
  propose(base.seq + 1);
  propose(base.seq + 2);
  CAF_CHECK_EQUAL(rows_lacked().value_or(0), 2u);
  say(replication::appended{at, base.seq + 1});
  CAF_CHECK_EQUAL(rows_lacked().value_or(0), 1u);
  say(replication::appended{at, base.seq + 2});
  CAF_CHECK_EQUAL(rows_lacked().value_or(9), 0u);
}

CAF_TEST(a replica that does not lead tells nothing) {
  CAF_REQUIRE(lag() != nullptr);
  view.shards[moved] = {{9, "peer", {{"peer", coordination::member_role::full}}}, 99};
  show();
  CAF_CHECK(lag() == nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
