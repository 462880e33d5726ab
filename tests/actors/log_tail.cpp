#define CAF_SUITE log_tail
#define CAF_TEST_NO_MAIN
#include "node_fixture.hpp"

#include <tuple>

using namespace actor_tests;

namespace {

struct fixture : node_fixture {
  using seen = std::vector<std::tuple<std::uint64_t, std::uint32_t, std::string>>;

  /// All batches of an account behind `after`, from a look at every row.
  seen reference(domain::account_id who, std::uint64_t after) const {
    seen all;
    node->reader.scan(store.shard_of(who), after + 1, [&](const storage::logged_batch& b) {
      if (b.account == who)
        all.emplace_back(b.seq, b.offset, std::string{b.entries});
    });
    return all;
  }
  seen replayed(domain::account_id who, std::uint64_t after) const {
    seen all;
    node->source.replay(store.shard_of(who), who, after,
                        [&](std::uint64_t seq, std::uint32_t offset, const domain::time_stamp& stamp,
                            std::string_view entries) {
                          CAF_CHECK_EQUAL(stamp.life, store.stamp().life);
                          all.emplace_back(seq, offset, std::string{entries});
                        });
    return all;
  }
  /// Another actor of the shard reads the log, as at a start.
  void start_again(domain::shard_id number) {
    const auto later = sys.spawn(shard, node, number, write, into(write));
    sched.run();
    caf::anon_send_exit(later, caf::exit_reason::kill);
    sched.run();
  }
  void compare(const std::vector<domain::account_id>& accounts) const {
    for (const auto who : accounts)
      for (std::uint64_t after = 0; after < 20; ++after)
        CAF_CHECK(replayed(who, after) == reference(who, after));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(log_tail_tests, fixture)

CAF_TEST(an account finds its own batches in rows of before and after the start) {
  // Accounts of one shard: every so manieth.
  const auto first = create("first");
  auto second = create("a0");
  for (int i = 1; store.shard_of(second) != store.shard_of(first); ++i)
    second = create("a" + std::to_string(i));
  subscribe(first);
  subscribe(second);
  for (int i = 0; i < 6; ++i)
    ask(i % 3 == 0 ? first : second, person(i));
  CAF_CHECK(reference(first, 0).size() > 2 && reference(second, 0).size() > 4);
  compare({first, second}); // nothing kept
  start_again(store.shard_of(first));
  const auto [places, from] = node->source.tail.behind(store.shard_of(first), first, 0);
  CAF_CHECK_EQUAL(places.size(), reference(first, 0).size());
  CAF_CHECK_EQUAL(from, node->reader.next_seq(store.shard_of(first)));
  compare({first, second});
  for (int i = 6; i < 12; ++i)
    ask(i % 2 == 0 ? first : second, person(i));
  compare({first, second});
  node->source.tail.forget(store.shard_of(first), first);
  compare({first, second});
}

CAF_TEST(a checkpoint forgets what it holds) {
  const auto acme = create("acme");
  subscribe(acme);
  ask(acme, person(1));
  start_again(store.shard_of(acme));
  CAF_CHECK(!node->source.tail.behind(store.shard_of(acme), acme, 0).first.empty());
  pass(std::chrono::seconds{30}); // it saves itself
  CAF_CHECK(node->source.tail.behind(store.shard_of(acme), acme, 0).first.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
