#define CAF_SUITE shard_copy
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/keys.hpp"
#include "storage/replica_rows.hpp"
#include "storage/shard_copy.hpp"

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

constexpr domain::shard_id shard{3};
constexpr std::size_t row_bytes = 100'000;

/// Rows of the shard, and of its neighbours, that are none of the copy.
struct fixture {
  explicit fixture(std::uint64_t rows) : s{small_store(folder.path + "/store")}, writer{s} {
    for (std::uint64_t i = 0; i < rows; ++i)
      CAF_REQUIRE(put_table(writer, key(shard, row_kind::block, 1, i), std::string(row_bytes, 'x')));
    CAF_REQUIRE(put_table(writer, key(domain::shard_id{2}, row_kind::block, 1, 1), std::string(row_bytes, 'x')));
    CAF_REQUIRE(put_table(writer, key(domain::shard_id{4}, row_kind::block, 1, 1), std::string(row_bytes, 'x')));
    CAF_REQUIRE(commit_tables(writer, plan_promise(shard, {7, "somebody"})));
  }
  /// Of the part.
  static std::uint64_t bytes_in(const std::string& part) {
    const auto rows = decode_table_writes(part);
    CAF_REQUIRE(rows.has_value());
    std::uint64_t bytes = 0;
    for (const auto& row : *rows)
      bytes += row.key.size() + row.value.size();
    return bytes;
  }

  scratch_folder folder;
  store s;
  group_commit writer;
};

} // namespace

CAF_TEST(a copy counts what it reads and knows its size before its end) {
  fixture of{70};
  shard_copy copy{of.s, shard};
  CAF_CHECK_EQUAL(copy.read(), 0u);
  CAF_CHECK(!copy.size());
  const std::uint64_t all = 70 * (row_bytes + key(shard, row_kind::block, 1, 1).size());
  std::uint64_t read = 0, parts = 0, parts_before_size = 0;
  for (; !copy.done(); ++parts) {
    read += fixture::bytes_in(copy.next_part());
    CAF_CHECK_EQUAL(copy.read(), read);
    if (!copy.size())
      ++parts_before_size;
    else
      CAF_CHECK(copy.size() == all);
  }
  CAF_CHECK(copy.size() == read);
  CAF_CHECK(parts_before_size >= 1);
  CAF_CHECK(parts_before_size <= parts / 2);
}

CAF_TEST(the size of an empty shard is known at once) {
  fixture of{1};
  shard_copy copy{of.s, domain::shard_id{9}};
  CAF_CHECK(copy.done());
  CAF_CHECK(copy.size() == 0u);
}
