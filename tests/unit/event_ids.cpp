#define CAF_SUITE event_ids
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account/event_ids.hpp"
#include "account/id_run.hpp"
#include "account/retention.hpp"
#include "account_fixture.hpp"
#include "scratch_store.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"

#include <random>
#include <set>

using namespace account_test;
using account::event_ids;
using account::id_hash;
using account::id_record;

namespace {

constexpr domain::shard_id shard{3};
constexpr domain::account_id owner{67};
const auto day = std::chrono::duration_cast<std::chrono::milliseconds>(24h);

id_hash hash_of(std::uint64_t n) {
  return account::hash_of("id-" + std::to_string(n));
}

std::string all_ids_prefix() {
  return storage::key(shard, storage::row_kind::event_id, raw(owner));
}

/// The ids of one account over a map, with what its snapshot would hold.
struct kept_ids {
  kept_ids() { load(); }

  void load() {
    ids = std::make_unique<event_ids>(source, shard, owner);
    if (list.empty())
      return;
    domain::byte_reader in{list};
    ids->decode(in);
    CAF_REQUIRE(in.ok() && in.at_end());
  }

  id_record accept(std::uint64_t n) {
    const id_record r{now, {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(++made)}, made};
    ids->accept(hash_of(n), r);
    return r;
  }

  std::optional<id_record> find(std::uint64_t n) {
    const std::array<id_hash, 1> one{hash_of(n)};
    return ids->find(one, now - day).front();
  }

  void save() {
    writes.clear();
    ids->save(now - day, writes);
    next_list.clear();
    domain::byte_writer out{next_list};
    ids->encode(out);
  }
  void commit() {
    for (const auto& w : writes)
      if (w.erase)
        CAF_CHECK_EQUAL(source.tables.erase(w.key), 1u);
      else
        CAF_CHECK(source.tables.emplace(w.key, w.value).second); // rows are never written twice
    list = next_list;
    ids->saved();
  }
  void checkpoint() {
    save();
    commit();
  }

  /// As the sweeper does.
  void sweep() {
    std::erase_if(source.tables, [&](const auto& row) { 
      return account::judge_ids(row.second, now - day) == storage::verdict::erase;
    });
  }

  memory_source source;
  domain::wall_time now{std::chrono::milliseconds{1'700'000'000'000}};
  std::uint32_t made = 0;
  std::vector<domain::table_write> writes;
  std::string list, next_list;
  std::unique_ptr<event_ids> ids;
};

bool same(const std::optional<id_record>& a, const std::optional<id_record>& b) {
  return a.has_value() == b.has_value() && (!a || (a->accepted == b->accepted && a->digest == b->digest &&
                                                   a->notifications == b->notifications));
}

} // namespace

CAF_TEST(whatever comes the ids are those of a plain table) {
  std::mt19937_64 random{7};
  for (int round = 0; round < 12; ++round) {
    kept_ids k;
    std::map<std::uint64_t, id_record> plain;
    const std::uint64_t ids = 1 + random() % 4000;
    const auto most = 1 + random() % 400;
    const auto expected = [&](std::uint64_t n) {
      const auto it = plain.find(n);
      return it == plain.end() || it->second.accepted < k.now - day ? std::nullopt
                                                                    : std::optional{it->second};
    };
    for (int step = 0; step < 150; ++step) {
      k.now += std::chrono::milliseconds{random() % (random() % 20 == 0 ? day.count() : 1'200'000)};
      for (auto left = random() % most; left > 0; --left) {
        const auto n = random() % ids;
        if (!k.find(n))
          plain[n] = k.accept(n);
      }
      switch (random() % 8) {
      case 0:
        k.load(); // what was accepted since the last checkpoint is not in the store; here it is forgotten
        for (auto& [n, record] : plain)
          if (!same(k.find(n), expected(n)))
            record.accepted = {};
        std::erase_if(plain, [](const auto& p) { return p.second.accepted == domain::wall_time{}; });
        for (std::uint64_t n = 0; n < ids; ++n)
          if (const auto older = k.find(n); older && !expected(n))
            plain[n] = *older;
        break;
      case 1:
        k.sweep();
        break;
      case 2: { // asked between the two halves of a checkpoint
        k.save();
        for (int i = 0; i < 20; ++i) {
          const auto n = random() % ids;
          CAF_CHECK(same(k.find(n), expected(n)));
        }
        k.commit();
        break;
      }
      default:
        k.checkpoint();
      }
      std::vector<id_hash> asked;
      std::vector<std::uint64_t> numbers;
      for (int i = 0; i < 50; ++i) {
        numbers.push_back(random() % (2 * ids));
        asked.push_back(hash_of(numbers.back()));
      }
      const auto found = k.ids->find(asked, k.now - day);
      for (std::size_t i = 0; i < found.size(); ++i)
        CAF_REQUIRE(same(found[i], expected(numbers[i])));
    }
  }
}

CAF_TEST(a crash leaves the runs of before or those of after) {
  std::mt19937_64 random{11};
  kept_ids k;
  std::map<std::uint64_t, id_record> committed;
  std::uint64_t next = 0;
  for (int step = 0; step < 300; ++step) {
    k.now += 1s;
    std::map<std::uint64_t, id_record> fresh;
    for (auto left = 1 + random() % 5; left > 0; --left, ++next)
      fresh[next] = k.accept(next);
    k.save();
    if (random() % 2 == 0) {
      k.commit();
      committed.merge(fresh);
      if (random() % 2 == 0)
        k.load();
    } else {
      k.load(); // the batch was refused, or the process died: no row was written
      // The log has them; they are accepted anew from there.
      for (const auto& [n, record] : fresh)
        k.ids->accept(hash_of(n), record);
      committed.merge(fresh);
      k.checkpoint();
    }
    for (std::uint64_t n = 0; n < next; ++n)
      CAF_REQUIRE(same(k.find(n), committed.at(n)));
  }
}

CAF_TEST(runs stay few and every row in the store is of one of them) {
  kept_ids k;
  std::uint64_t next = 0;
  for (int i = 0; i < 3000; ++i) {
    for (int n = 0; n < 3; ++n)
      k.accept(next++);
    k.checkpoint();
    CAF_REQUIRE(k.ids->runs() <= 3 * 7);
  }
  std::set<std::string> runs;
  for (const auto& [key, value] : k.source.tables)
    runs.insert(key.substr(0, all_ids_prefix().size() + 8));
  CAF_CHECK_EQUAL(runs.size(), k.ids->runs());
  for (std::uint64_t n = 0; n < next; n += 97)
    CAF_CHECK(k.find(n).has_value());
}

CAF_TEST(no merge is larger than its limit and full runs are left alone) {
  kept_ids k;
  std::uint64_t next = 0;
  std::size_t most = 0;
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n < 3000; ++n)
      k.accept(next++);
    k.checkpoint();
    std::size_t rows = 0;
    for (const auto& w : k.writes)
      rows += w.erase ? 0 : 1;
    most = std::max(most, rows);
  }
  // 92 ids a row, beside them the filters' parts of 63 blocks of 32 ids.
  CAF_CHECK(most <= 4 * event_ids::full_run / 92 + 4 * event_ids::full_run / 2016 + 2);
  CAF_CHECK(most >= 12'000 / 92); // some were merged
  CAF_CHECK_EQUAL(k.ids->runs(), 10u);
  kept_ids large;
  for (int i = 0; i < 6; ++i) {
    for (std::uint64_t n = 0; n < event_ids::full_run; ++n)
      large.accept(next++);
    large.checkpoint();
    CAF_CHECK(std::none_of(large.writes.begin(), large.writes.end(), [](const auto& w) { return w.erase; }));
  }
  CAF_CHECK_EQUAL(large.ids->runs(), 6u);
}

CAF_TEST(a new id is known to be new without a look into the store) {
  kept_ids k;
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    k.accept(n);
    if (n % 1000 == 999)
      k.checkpoint();
  }
  k.load();
  CAF_CHECK(!k.find(1'000'000)); // reads the filters
  k.source.lookups = 0;
  int looked = 0;
  for (std::uint64_t n = 100'000; n < 110'000; ++n) {
    CAF_CHECK(!k.find(n));
    looked += std::exchange(k.source.lookups, 0);
  }
  // Each run says "perhaps" to one in 1,000 or so.
  CAF_CHECK(looked < static_cast<int>(10'000 * k.ids->runs() / 400));
  // All ids of a request are looked for together.
  std::vector<id_hash> many;
  for (std::uint64_t n = 0; n < 1000; ++n)
    many.push_back(hash_of(n * 17));
  for (const auto& found : k.ids->find(many, k.now - day))
    CAF_CHECK(found.has_value());
  CAF_CHECK_EQUAL(k.source.lookups, 1);
}

CAF_TEST(an id is known until its time is over to the millisecond wherever it is) {
  for (const int checkpoints : {0, 1, 7}) {
    kept_ids k;
    k.accept(1);
    const auto accepted = k.now;
    for (int i = 0; i < checkpoints; ++i) {
      k.checkpoint();
      k.now += 1ms;
      k.accept(100 + static_cast<std::uint64_t>(i));
    }
    k.now = accepted + day;
    k.sweep();
    CAF_CHECK(k.find(1).has_value());
    k.now += 1ms;
    CAF_CHECK(!k.find(1));
  }
}

CAF_TEST(of an id that was accepted twice the later one counts) {
  // In two runs, in one, and in two of which a merge has put the earlier one behind the later one.
  for (const int around : {0, 1, 2}) {
    kept_ids k;
    k.accept(1);
    k.now += day / 2;
    k.accept(2); // keeps the run
    k.checkpoint();
    k.now += day / 2 + 1ms;
    CAF_CHECK(!k.find(1));
    k.accept(1);
    for (std::uint64_t n = 100; around == 2 && n < 104; ++n)
      k.accept(n);
    const auto later = k.find(1);
    k.checkpoint();
    k.now -= 1h; // the clock was ahead: both are of the last day again
    for (std::uint64_t n = 10; around > 0 && n < 13; ++n) {
      k.accept(n);
      k.checkpoint();
    }
    CAF_CHECK_EQUAL(k.ids->runs(), 2u);
    CAF_CHECK(later.has_value() && same(k.find(1), later));
  }
}

CAF_TEST(a run goes when its newest id is past its time) {
  kept_ids k;
  for (std::uint64_t n = 0; n < 500; ++n)
    k.accept(n);
  k.checkpoint();
  k.now += 1h;
  k.accept(1000);
  k.checkpoint();
  CAF_CHECK_EQUAL(k.ids->runs(), 2u);
  k.now += day - 30min;
  k.sweep();
  k.load();
  CAF_CHECK(!k.find(7));
  CAF_CHECK(k.find(1000).has_value());
  CAF_CHECK_EQUAL(k.source.tables.size(), 2u); // the filter and the row of the one that lives
  k.checkpoint();
  CAF_CHECK(k.writes.empty()); // nothing new: nothing is written
  CAF_CHECK_EQUAL(k.ids->runs(), 1u);
  k.now += 1h;
  k.checkpoint();
  CAF_CHECK_EQUAL(k.ids->runs(), 0u);
  k.sweep();
  CAF_CHECK(k.source.tables.empty());
}

CAF_TEST(a merge leaves out what is past its time) {
  kept_ids k;
  for (std::uint64_t n = 0; n < 3; ++n) {
    k.accept(n);
    k.checkpoint();
  }
  k.now += day / 2;
  k.accept(3);
  k.checkpoint(); // merged: of the first three none is past yet
  CAF_CHECK_EQUAL(k.ids->runs(), 1u);
  for (std::uint64_t n = 4; n < 17; ++n) {
    k.now += day / 20; // past for the first three from the tenth on
    k.accept(n);
    k.checkpoint();
  }
  // The last but one made the fourth run of four, the last one merged them.
  CAF_CHECK_EQUAL(k.ids->runs(), 2u);
  CAF_CHECK(!k.find(0));
  std::size_t stored = 0;
  for (const auto& [key, value] : k.source.tables)
    if (const auto row = account::id_row::open(value)) {
      for (std::size_t i = 0; i < row->size(); ++i)
        CAF_CHECK(row->at(i).record.accepted >= k.now - day);
      stored += row->size();
    }
  CAF_CHECK_EQUAL(stored, 14u);
}

CAF_TEST(a damaged row is named and lasts no longer than its run) {
  kept_ids k;
  for (std::uint64_t n = 0; n < 100; ++n)
    k.accept(n);
  k.checkpoint();
  std::string damaged;
  for (auto& [key, value] : k.source.tables)
    if (account::id_row::open(value)) {
      value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
      damaged = key;
      break;
    }
  CAF_REQUIRE(!damaged.empty());
  int said = 0, known = 0;
  for (std::uint64_t n = 0; n < 100; ++n)
    try {
      known += k.find(n).has_value() ? 1 : 0;
    } catch (const std::runtime_error& e) {
      ++said;
      CAF_CHECK(std::string{e.what()}.find("damaged in run 1 of the event ids of account number 67") !=
                std::string::npos);
    }
  CAF_CHECK_EQUAL(said, 92);
  CAF_CHECK_EQUAL(known, 8);
  // A merge leaves the run as it is, and the account goes on.
  for (std::uint64_t n = 1000; n < 1600; ++n) {
    k.accept(n);
    if (n % 20 == 0)
      k.checkpoint();
  }
  k.checkpoint();
  CAF_CHECK(k.source.tables.count(damaged) == 1);
  // But for ids that the filter takes for one of the damaged row: of those nobody knows.
  said = 0;
  for (std::uint64_t n = 1000; n < 1600; ++n)
    try {
      CAF_CHECK(k.find(n).has_value());
    } catch (const std::runtime_error&) {
      ++said;
    }
  CAF_CHECK(said < 60);
  CAF_CHECK(account::judge_ids(k.source.tables.at(damaged), domain::wall_time::max()) ==
            storage::verdict::keep);
  k.now += 2 * day;
  CAF_CHECK(!k.find(1));
}

CAF_TEST(a lost or damaged filter costs reads and nothing else) {
  for (const bool lost : {false, true}) {
    kept_ids k;
    for (std::uint64_t n = 0; n < 3000; ++n)
      k.accept(n);
    k.checkpoint();
    auto first = k.source.tables.begin();
    CAF_REQUIRE(account::open_filter_part(first->second).has_value());
    if (lost)
      k.source.tables.erase(first);
    else
      first->second.back() ^= 1;
    k.load();
    for (std::uint64_t n = 0; n < 3000; ++n)
      CAF_REQUIRE(k.find(n).has_value());
    CAF_CHECK(!k.find(5000));
  }
}

CAF_TEST(a row of a run fills a page) {
  storage_tests::scratch_folder folder;
  storage::store s{storage_tests::small_store(folder.path + "/s")};
  storage::group_commit writer{s};
  CAF_REQUIRE_EQUAL(s.env().page_size(), 4096u);
  kept_ids k;
  for (std::uint64_t n = 0; n < 10'000; ++n)
    k.accept(n);
  k.save();
  const auto before = s.env().last_page();
  std::uint64_t bytes = 0;
  for (const auto& w : k.writes)
    bytes += w.value.size();
  CAF_REQUIRE(storage_tests::commit_tables(writer, k.writes));
  const auto pages = s.env().last_page() - before;
  CAF_CHECK_EQUAL(k.writes.size(), 10'000u / 92 + 1 + 5);
  CAF_CHECK(pages >= k.writes.size());
  CAF_CHECK(pages < k.writes.size() + 10);
  CAF_CHECK(bytes > 9 * pages * 4096 / 10);
  // And they are found there as they are in a map.
  const storage::log_reader reader{s};
  for (std::uint64_t n = 0; n < 10'000; n += 13) {
    const auto rows =
        reader.at_or_before({account::run_id_key({shard, owner, 1}, hash_of(n)), std::string(1, '\0')});
    CAF_REQUIRE(rows[0].has_value() && !rows[1].has_value());
    const auto row = account::id_row::open(rows[0]->second);
    CAF_CHECK(row && row->find(hash_of(n)).has_value());
  }
}
