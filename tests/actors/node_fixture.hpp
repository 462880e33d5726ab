#pragma once

#include "account/subscription_record.hpp"
#include "actors/account.hpp"
#include "actors/delivery.hpp"
#include "actors/directory.hpp"
#include "actors/error.hpp"
#include "actors/ingress.hpp"
#include "actors/interfaces.hpp"
#include "actors/shard.hpp"
#include "net/egress_policy.hpp"
#include "storage/group_commit.hpp"
#include "tests/unit/scratch_store.hpp"

#define FAIL CAF_FAIL
#include "caf/test/dsl.hpp"
#undef inject

#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A node's actors on CAF's deterministic scheduler, over a real store, with two of them replaced: a writer
/// that commits only when the test says so, and a delivery that only notes its jobs.
namespace actor_tests {

using namespace carillon;
using namespace carillon::actors;

struct test_config : caf::actor_system_config {
  test_config() {
    add_message_types<caf::id_block::carillon>();
    add_error_category(caf::atom("carillon"), [](std::uint8_t code, caf::atom_value, const caf::message&) {
      return to_string(static_cast<ec>(code));
    });
  }
};

/// What the test holds of the replaced writer.
struct held_rows {
  std::vector<proposed_row> rows;
  bool at_once = true; ///< commit as they come
  std::string refusal; ///< not empty: what held rows are answered instead of being committed
};

inline writer_actor::behavior_type gated_writer(writer_actor::pointer, held_rows* held,
                                                storage::store* store) {
  auto log = std::make_shared<storage::group_commit>(*store);
  return {
      [=](proposed_row& row) {
        if (held->at_once)
          row.done(log->commit({&row.what, 1}).front());
        else
          held->rows.push_back(std::move(row));
      },
      [=](commit_atom) {
        for (auto& row : std::exchange(held->rows, {})) {
          if (held->refusal.empty()) {
            row.done(log->commit({&row.what, 1}).front());
            continue;
          }
          storage::row_result r{row.what.shard, row.what.seq, false, {}};
          r.batches.resize(row.what.batches.size(), {false, 0, held->refusal});
          row.done(r);
        }
      },
      [](release_atom) { return true; },
  };
}

struct posted {
  std::vector<net::delivery_job> jobs;
  outcome_taker owner;
  std::vector<account_actor> hungry;
  std::vector<std::uint64_t> left_behind; ///< tokens of outcomes that an account did not write down
  std::vector<std::uint64_t> under_way; ///< what it tells an account that was loaded again
};

class noting_desk final : public job_desk {
public:
  explicit noting_desk(posted& to) : out_{to} {}
  void submit(job_vector jobs, const outcome_taker& owner) override {
    for (auto& j : jobs)
      out_.jobs.push_back(std::move(j));
    out_.owner = owner;
  }
  void leave_behind(domain::account_id, const outcome_taker& by, outcome_vector unsaid) override {
    if (out_.owner == by)
      out_.owner = nullptr;
    for (const auto& o : unsaid)
      out_.left_behind.push_back(o.token);
  }

private:
  posted& out_;
};

inline delivery_actor::behavior_type noting_delivery(delivery_actor::pointer, posted* out) {
  return {
      [=](slots_atom, const account_actor& who) { out->hungry.push_back(who); },
      [=](resume_atom, domain::account_id, const outcome_taker& owner) {
        out->owner = owner;
        return out->under_way;
      },
  };
}

struct node_fixture : test_coordinator_fixture<test_config> {
  node_fixture() : store{storage_tests::small_store(folder.path)} {
    auto settings = std::make_shared<config::settings>();
    settings->delivery.total = 100;
    net::egress_settings egress;
    egress.ports.clear();
    std::string line;
    node = std::make_shared<services>(store, crypto::key_ring::generate(line), settings,
                                      std::make_shared<const net::egress_policy>(egress));
    node->fatal = [](const std::string& why) { CAF_FAIL("fatal: " << why); };
    write = sys.spawn(gated_writer, &held, &store);
    for (std::uint16_t s = 0; s < store.identity().shards; ++s)
      shards.push_back(sys.spawn(shard, node, domain::shard_id{s}, write, into(write)));
    system_shard = sys.spawn(shard, node, domain::system_shard, write, into(write));
    deliver = sys.spawn(noting_delivery, &out);
    engine = {deliver, std::make_shared<noting_desk>(out)};
    where = sys.spawn(directory, node, directory_neighbours{shards, system_shard, {engine}});
    door = std::make_shared<ingress>(node);
    clerk = door->open(sys, where);
    sched.run();
  }

  ~node_fixture() override {
    out = {};
    engine = {};
    held.rows.clear();
    for (auto& s : shards)
      caf::anon_send_exit(s, caf::exit_reason::kill);
    caf::anon_send_exit(clerk, caf::exit_reason::kill);
    caf::anon_send_exit(where, caf::exit_reason::kill);
    caf::anon_send_exit(deliver, caf::exit_reason::kill);
    caf::anon_send_exit(system_shard, caf::exit_reason::kill);
    caf::anon_send_exit(write, caf::exit_reason::kill);
    sched.run();
  }

  /// Commits what the writer holds, or refuses it.
  void commit_held() {
    caf::anon_send(write, commit_atom_v);
    sched.run();
  }
  void refuse_held() {
    held.refusal = storage::commit_error::store_full;
    commit_held();
    held.refusal.clear();
  }

  catalog_reply change(catalog_request r) {
    caf::scoped_actor asker{sys};
    auto pending = asker->request(where, caf::infinite, std::make_shared<catalog_request>(std::move(r)));
    sched.run();
    catalog_reply reply;
    pending.receive([&](const catalog_reply_ptr& answer) { reply = *answer; },
                    [](const caf::error& e) { CAF_FAIL(caf::to_string(e)); });
    return reply;
  }
  static put_account put(const std::string& id, bool create_only, const std::string& display = "") {
    put_account r;
    r.profile.id = id;
    r.profile.name = display;
    r.create_only = create_only;
    return r;
  }
  domain::account_id create(const std::string& id) {
    const auto reply = change(put(id, true));
    return std::get<actors::account_reply>(reply).profile.number;
  }

  /// Sends a request through the door; the answer comes into the returned place when the scheduler gets to
  /// it.
  std::shared_ptr<std::optional<account::reply>>
  ask(domain::account_id who, account::request what, std::size_t cost = 1,
      std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
    auto answer = std::make_shared<std::optional<account::reply>>();
    auto one = std::make_shared<actors::ask>();
    one->account = who;
    one->what = std::move(what);
    one->cost = cost;
    one->timeout = timeout;
    one->done = [answer](account::reply r) {
      if (*answer)
        CAF_FAIL("answered twice");
      *answer = std::move(r);
    };
    door->take({std::move(one)});
    sched.run();
    return answer;
  }

  domain::subscription_id subscribe(domain::account_id who,
                                    const std::string& url = "https://hooks.example.com/hook") {
    domain::subscription s;
    s.target = url;
    s.copper.type = "person";
    s.copper.event = "new";
    const auto reply = ask(who, account::create_subscription{s});
    CAF_REQUIRE(reply->has_value());
    return std::get<account::subscription_reply>(**reply).value.id;
  }
  static account::submit_events person(int id) {
    domain::parse_error error;
    auto parsed = domain::parse_events(
        R"({"entity":"Contact","action":"Create","record_id":)" + std::to_string(id) + "}", {}, error);
    return {std::move(parsed->events), {}};
  }
  /// The engine reports.
  void outcome(const net::delivery_job& job, domain::notification_state state) {
    net::delivery_outcome o{job.owner, job.token, {}};
    o.result.state = state;
    o.result.status_code = state == domain::notification_state::delivered ? 200 : 500;
    o.result.first_byte = o.result.ended = domain::boot_clock::now();
    node->slots.release(1);
    caf::anon_send(out.owner, outcome_vector{o});
    sched.run();
  }
  account::usage_reply usage(domain::account_id who) {
    const auto reply = ask(who, account::get_usage{});
    CAF_REQUIRE(reply->has_value());
    return std::get<account::usage_reply>(**reply);
  }
  std::size_t live() {
    caf::scoped_actor asker{sys};
    auto pending = asker->request(where, caf::infinite, count_atom_v);
    sched.run();
    std::uint64_t n = 0;
    pending.receive([&](std::uint64_t count) { n = count; }, [](const caf::error&) {});
    return n;
  }
  /// Lets the scheduler's clock run, so that delayed messages come.
  void pass(std::chrono::seconds t) {
    for (auto left = t; left.count() > 0; left -= std::chrono::seconds{1}) {
      sched.advance_time(std::chrono::seconds{1});
      sched.run();
    }
  }

  storage_tests::scratch_folder folder;
  storage::store store;
  services_ptr node;
  held_rows held;
  posted out;
  writer_actor write;
  std::vector<shard_actor> shards;
  shard_actor system_shard;
  delivery_actor deliver;
  engine_access engine;
  directory_actor where;
  std::shared_ptr<ingress> door;
  ingress_clerk_actor clerk;
};

} // namespace actor_tests
