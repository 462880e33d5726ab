#pragma once

#include "actors/peer_message.hpp"
#include "actors/replica_seat.hpp"
#include "replication/message_codec.hpp"
#include "storage/keys.hpp"
#include "tests/actors/node_fixture.hpp"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace actor_tests {

inline constexpr domain::shard_id moved{3};
inline constexpr std::uint64_t first_row = 5; ///< those before are past retention
inline constexpr std::uint64_t table_rows = 60;
inline constexpr std::size_t row_bytes = 100'000;

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

inline sweeper_actor::behavior_type no_sweeper(sweeper_actor::pointer) {
  return {
      [](serve_atom, domain::shard_id, const shard_actor&) {},
      [](unserve_atom, domain::shard_id) {},
      [](sweep_atom) {},
  };
}

/// A replica that leads its shard alone, with "peer" about to become a member. The test speaks for the peer.
struct replica_fixture : node_fixture {
  explicit replica_fixture(std::size_t min_replicas = 1, bool link_works = true)
      : link_goes_both_ways{link_works}, configuration{std::make_shared<one_entry>()} {
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
    around.goes_both_ways = [this](std::uint64_t, std::chrono::milliseconds) { return link_goes_both_ways; };
    around.min_replicas = min_replicas;
    seat = replica_seat::make(node, around);
    lead = sys.spawn(actors::replica, seat, moved, where);
    seat->attach(lead);
    view.name = "test";
    view.self = view.founder = "here";
    view.min_replicas = min_replicas;
    view.nodes["here"] = view.nodes["peer"] = {};
    view.reachable.emplace("peer", reached_node{entry_actor{}, 1});
    show();
    CAF_REQUIRE_EQUAL(known().epoch, 1u);
  }
  ~replica_fixture() override {
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

  bool link_goes_both_ways; ///< that to the peer
  std::shared_ptr<one_entry> configuration;
  said_list said;
  sweeper_actor sweep;
  std::shared_ptr<replica_seat> seat;
  replica_actor lead;
  cluster_view view;
};

} // namespace actor_tests
