#define CAF_SUITE row_ages
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "replication/row_ages.hpp"

using carillon::replication::row_ages;
using std::chrono::milliseconds;

namespace {

/// -1: it isn't known.
std::int64_t since(const row_ages& ages, std::uint64_t seq) {
  return ages.since(seq).value_or(milliseconds{-1}).count();
}

} // namespace

CAF_TEST(a row is durable since the moment that made it so) {
  row_ages ages;
  CAF_CHECK_EQUAL(since(ages, 1), -1);
  ages.durable(3, milliseconds{100});
  ages.durable(4, milliseconds{100});
  ages.durable(9, milliseconds{300});
  CAF_CHECK_EQUAL(since(ages, 1), 100);
  CAF_CHECK_EQUAL(since(ages, 4), 100);
  CAF_CHECK_EQUAL(since(ages, 5), 300);
  CAF_CHECK_EQUAL(since(ages, 9), 300);
  CAF_CHECK_EQUAL(since(ages, 10), -1);
}

CAF_TEST(what is told again stays as old as it was) {
  row_ages ages;
  ages.durable(3, milliseconds{100});
  ages.durable(3, milliseconds{200});
  CAF_CHECK_EQUAL(since(ages, 3), 100);
  CAF_CHECK_EQUAL(since(ages, 4), -1);
}

CAF_TEST(what is forgotten is not known any more and makes no other row younger) {
  row_ages ages;
  ages.durable(3, milliseconds{100});
  ages.durable(9, milliseconds{300});
  ages.durable(12, milliseconds{500});
  ages.forget(5);
  CAF_CHECK_EQUAL(since(ages, 3), -1);
  CAF_CHECK_EQUAL(since(ages, 5), -1);
  CAF_CHECK_EQUAL(since(ages, 6), 300);
  ages.forget(9);
  CAF_CHECK_EQUAL(since(ages, 9), -1);
  CAF_CHECK_EQUAL(since(ages, 10), 500);
}

/// However long a member stands still: no row seems younger than it is, and the oldest is as old as it is.
CAF_TEST(of many moments few are kept) {
  row_ages ages;
  constexpr std::uint64_t rows = 100'000;
  for (std::uint64_t seq = 1; seq <= rows; ++seq)
    ages.durable(seq, milliseconds{seq * 10});
  CAF_CHECK_EQUAL(since(ages, 1), 10);
  for (std::uint64_t seq = 1; seq <= rows; seq += 97) {
    const auto told = since(ages, seq);
    CAF_CHECK(told > 0 && told <= static_cast<std::int64_t>(seq * 10));
  }
}
