#define CAF_SUITE log_reader
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "crypto/hash.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/little_endian.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"
#include "storage/log_row_codec.hpp"

#include <atomic>
#include <thread>

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

constexpr domain::shard_id shard{3};

struct fixture {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  group_commit writer{s};
  log_reader reader{s};

  row_result append(std::uint64_t seq, std::vector<domain::batch> batches) {
    const auto row = row_of(s, 3, seq, std::move(batches));
    return writer.commit({&row, 1}).front();
  }

  /// Flips one bit of a row on the disk.
  void damage(const std::string& k, std::size_t at) {
    write_transaction txn{s.env()};
    std::string value{*txn.get(k)};
    value.at(at) = static_cast<char>(value.at(at) ^ 4);
    txn.put(k, value);
    txn.commit();
  }
};

/// Entries with one event in it, as the accounts' encoder lays it: CRC right before the bytes.
std::string entries_with_event(std::string_view event, std::uint32_t& offset) {
  std::string entries = "kind";
  char crc[4];
  put_le(crc, crypto::crc32c(event));
  entries.append(crc, sizeof crc);
  offset = static_cast<std::uint32_t>(entries.size());
  entries += event;
  entries += "tail";
  return entries;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(log_reader_tests, fixture)

CAF_TEST(numbers of an empty log) {
  CAF_CHECK_EQUAL(reader.next_seq(shard), 1u);
  CAF_CHECK_EQUAL(reader.replay_from(shard), 1u);
  reader.scan(shard, 1, [](const logged_batch&) { CAF_FAIL("no rows expected"); });
}

CAF_TEST(the next seq follows the last row of this shard only) {
  append(1, {entries_of(3, "a")});
  append(2, {entries_of(3, "b")});
  const auto other = row_of(s, 4, 9, {entries_of(4, "other")});
  writer.commit({&other, 1});
  CAF_CHECK_EQUAL(reader.next_seq(shard), 3u);
  CAF_CHECK_EQUAL(reader.next_seq(domain::shard_id{4}), 10u);
  CAF_CHECK_EQUAL(reader.next_seq(domain::shard_id{2}), 1u);
  CAF_CHECK_EQUAL(reader.next_seq(domain::shard_id{5}), 1u);
}

CAF_TEST(a seq is not given again when retention has erased the whole log) {
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    append(seq, {entries_of(3, "a")});
  CAF_REQUIRE(put_table(writer, key(shard, row_kind::mark), frame_u64(4)));
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    CAF_REQUIRE(erase_table(writer, key(shard, row_kind::log, seq)));
  CAF_CHECK_EQUAL(reader.next_seq(shard), 4u);
  CAF_CHECK_EQUAL(reader.replay_from(shard), 4u);
  append(4, {entries_of(3, "b")});
  CAF_CHECK_EQUAL(reader.next_seq(shard), 5u);
}

CAF_TEST(a damaged mark is an error) {
  CAF_REQUIRE(put_table(writer, key(shard, row_kind::mark), "12345678"));
  CAF_CHECK(message_of([&] { reader.replay_from(shard); }).find("mark of shard 3") != std::string::npos);
}

CAF_TEST(a scan starts where it is told and crosses its transactions in order) {
  constexpr std::uint64_t rows = 700; // more than two transactions' worth
  for (std::uint64_t seq = 1; seq <= rows; seq += 50) {
    std::vector<log_row> some;
    for (std::uint64_t i = seq; i < seq + 50; ++i)
      some.push_back(row_of(s, 3, i, {entries_of(3, std::to_string(i)), entries_of(67, "second")}));
    writer.commit(some);
  }
  std::uint64_t expected = 20;
  bool second = false;
  reader.scan(shard, 20, [&](const logged_batch& batch) {
    CAF_REQUIRE_EQUAL(batch.seq, expected);
    CAF_REQUIRE_EQUAL(batch.entries, second ? "second" : std::to_string(expected));
    expected += second;
    second = !second;
  });
  CAF_CHECK_EQUAL(expected, rows + 1);
}

CAF_TEST(a thread may read while it scans) {
  append(1, {entries_of(3, "a")});
  append(2, {entries_of(3, "b")});
  std::size_t seen = 0;
  reader.scan(shard, 1, [&](const logged_batch& batch) {
    CAF_CHECK(reader.get(key(shard, row_kind::log, batch.seq)).has_value());
    CAF_CHECK_EQUAL(reader.next_seq(shard), 3u);
    ++seen;
  });
  CAF_CHECK_EQUAL(seen, 2u);
}

CAF_TEST(a damaged row is named and not visited) {
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    append(seq, {entries_of(3, "entries of " + std::to_string(seq))});
  const auto k = key(shard, row_kind::log, 2);
  const auto size = reader.get(k)->size();
  for (std::size_t at = 1; at < size; ++at) {
    damage(k, at);
    std::uint64_t last = 0;
    const auto message =
        message_of([&] { reader.scan(shard, 1, [&](const auto& batch) { last = batch.seq; }); });
    CAF_REQUIRE(message.find("log row 2 of shard 3 (checksum)") != std::string::npos);
    CAF_REQUIRE_EQUAL(last, 1u);
    damage(k, at);
  }
  CAF_CHECK_EQUAL(message_of([&] { reader.scan(shard, 1, [](const auto&) {}); }), "");
}

CAF_TEST(a row of a newer format says so) {
  append(1, {entries_of(3, "x")});
  damage(key(shard, row_kind::log, 1), 0); // 1 ^ 4 = 5
  CAF_CHECK(message_of([&] { reader.scan(shard, 1, [](const auto&) {}); }).find("newer format") !=
            std::string::npos);
}

CAF_TEST(events are read where they lie) {
  std::uint32_t offset = 0;
  const std::string event = R"({"entity":"Contact","action":"Create"})";
  const auto entries = entries_with_event(event, offset);
  const auto result = append(1, {entries_of(3, "before"), entries_of(67, entries)});
  const domain::event_ref where{1, result.batches[1].offset + offset,
                                static_cast<std::uint32_t>(event.size())};
  CAF_CHECK_EQUAL(reader.read_event(shard, where).value_or(""), event);
  // No row, another shard, shifted, too long, beyond the row, inside the head.
  CAF_CHECK(!reader.read_event(shard, {2, where.offset, where.length}));
  CAF_CHECK(!reader.read_event(domain::shard_id{4}, where));
  CAF_CHECK(!reader.read_event(shard, {1, where.offset + 1, where.length - 1}));
  CAF_CHECK(!reader.read_event(shard, {1, where.offset, where.length + 1}));
  CAF_CHECK(!reader.read_event(shard, {1, where.offset, 0xFFFFFFFF}));
  CAF_CHECK(!reader.read_event(shard, {1, 0xFFFFFFFF, 1}));
  CAF_CHECK(!reader.read_event(shard, {1, 0, 1}));
  for (std::uint32_t i = 0; i < where.length; ++i) {
    damage(key(shard, row_kind::log, 1), where.offset + i);
    CAF_REQUIRE(!reader.read_event(shard, where));
    damage(key(shard, row_kind::log, 1), where.offset + i);
  }
  damage(key(shard, row_kind::log, 1), where.offset - 2);
  CAF_CHECK(!reader.read_event(shard, where));
}

CAF_TEST(ranges go both ways and stay inside their prefix) {
  std::vector<domain::table_write> writes;
  for (std::uint64_t i : {2, 4, 6, 8})
    writes.push_back({key(shard, row_kind::missed, 1, i), std::to_string(i), false});
  writes.push_back({key(shard, row_kind::missed, 0, 9), "before", false});
  writes.push_back({key(shard, row_kind::missed, 2, 1), "after", false});
  CAF_REQUIRE(commit_tables(writer, writes));
  const auto prefix = key(shard, row_kind::missed, 1);
  const auto values = [&](std::uint64_t from, std::size_t limit, bool descending) {
    std::string all;
    for (const auto& [k, v] :
         reader.range(prefix, from ? key(shard, row_kind::missed, 1, from) : "", limit, descending))
      all += v;
    return all;
  };
  CAF_CHECK_EQUAL(values(0, 10, false), "2468");
  CAF_CHECK_EQUAL(values(0, 10, true), "8642");
  CAF_CHECK_EQUAL(values(4, 10, false), "468");
  CAF_CHECK_EQUAL(values(5, 10, false), "68");
  CAF_CHECK_EQUAL(values(5, 10, true), "42");
  CAF_CHECK_EQUAL(values(6, 2, true), "64");
  CAF_CHECK_EQUAL(values(99, 10, true), "8642");
  CAF_CHECK_EQUAL(values(99, 10, false), "");
  CAF_CHECK_EQUAL(values(1, 10, true), "");
  CAF_CHECK_EQUAL(values(0, 0, false), "");
  CAF_CHECK_EQUAL(reader.range(key(domain::system_shard, row_kind::header), "", 9, true).size(), 1u);
}

CAF_TEST(readers of many threads beside the writer see whole commits) {
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  const auto a = key(shard, row_kind::account, 1), b = key(shard, row_kind::account, 2);
  CAF_REQUIRE(commit_tables(writer, {{a, "0", false}, {b, "0", false}}));
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const auto rows = reader.range(key(shard, row_kind::account), "", 10);
        if (rows.size() != 2 || rows[0].second != rows[1].second)
          ++torn;
        (void)s.full();
      }
    });
  for (int i = 1; i <= 300; ++i)
    CAF_CHECK(commit_tables(writer, {{a, std::to_string(i), false}, {b, std::to_string(i), false}}));
  stop = true;
  for (auto& thread : readers)
    thread.join();
  CAF_CHECK_EQUAL(torn.load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
