#define CAF_SUITE keys
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "storage/framed_value.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <random>

using namespace carillon;
using namespace carillon::storage;

CAF_TEST(a key is shard and kind and big - endian numbers) {
  CAF_CHECK_EQUAL(key(domain::shard_id{0x0102}, row_kind::log, 0x0304050607080910ull),
                  std::string("\x01\x02L\x03\x04\x05\x06\x07\x08\x09\x10", 11));
  CAF_CHECK_EQUAL(key(domain::shard_id{1}, row_kind::subscription, 2, 3, 4),
                  std::string("\0\1S\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\4", 23));
  CAF_CHECK_EQUAL(key(domain::system_shard, row_kind::name, "acme"), std::string("\xFF\xFF"
                                                                                 "aacme"));
  CAF_CHECK_EQUAL(key(domain::shard_id{1}, row_kind::event_id, 2, "hash"),
                  key(domain::shard_id{1}, row_kind::event_id, 2) + "hash");
  CAF_CHECK_EQUAL(key(domain::shard_id{1}, row_kind::event_id, 2, 3, std::string_view{"hash"}),
                  key(domain::shard_id{1}, row_kind::event_id, 2, 3) + "hash");
}

CAF_TEST(the order of keys is the order of numbers) {
  std::mt19937_64 random{7};
  std::vector<std::pair<std::uint64_t, std::string>> made;
  for (int i = 0; i < 2000; ++i) {
    const auto number = random() >> (random() % 64);
    made.emplace_back(number, key(domain::shard_id{3}, row_kind::log, number));
  }
  std::sort(made.begin(), made.end());
  for (std::size_t i = 1; i < made.size(); ++i)
    CAF_REQUIRE(made[i - 1].second <= made[i].second);
}

CAF_TEST(a shard is one contiguous range) {
  const auto last_of_one = key(domain::shard_id{1}, row_kind::credential_id, ~std::uint64_t{0}, "zzz");
  CAF_CHECK(last_of_one < key(domain::shard_id{2}, row_kind::account));
  CAF_CHECK(key(domain::shard_id{0x00FF}, row_kind::mark) < key(domain::shard_id{0x0100}, row_kind::log));
}

CAF_TEST(the key after a prefix follows all of its keys) {
  CAF_CHECK_EQUAL(key_after_prefix("ab"), "ac");
  CAF_CHECK_EQUAL(key_after_prefix("a\xFF\xFF"), "b");
  CAF_CHECK_EQUAL(key_after_prefix("\xFF\xFF"), "");
  CAF_CHECK_EQUAL(key_after_prefix(key(domain::system_shard, row_kind::name)), std::string("\xFF\xFF"
                                                                                           "b"));
}

CAF_TEST(numbers can be read back from keys) {
  const auto k = key(domain::shard_id{9}, row_kind::missed, 77, 123456789012345ull);
  CAF_CHECK_EQUAL(number_in_key(k, key_head_size).value_or(0), 77u);
  CAF_CHECK_EQUAL(number_in_key(k, key_head_size + 8).value_or(0), 123456789012345ull);
  CAF_CHECK(!number_in_key(k, key_head_size + 9));
}

CAF_TEST(a frame gives its payload back and detects every flipped bit) {
  const std::string payload = "{\"state\":\"active\"}";
  const auto value = frame(3, payload);
  const auto back = unframe(value);
  CAF_REQUIRE(back.has_value());
  CAF_CHECK_EQUAL(back->format, 3u);
  CAF_CHECK_EQUAL(back->payload, payload);
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    auto bad = value;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CAF_REQUIRE(!unframe(bad));
  }
  for (std::size_t size = 0; size < value.size(); ++size)
    CAF_REQUIRE(!unframe(std::string_view{value}.substr(0, size)));
  CAF_CHECK(unframe(frame(1, "")).has_value());
}

CAF_TEST(framed numbers) {
  for (std::uint64_t n : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
    CAF_CHECK(unframe_u64(frame_u64(n)) == n);
  CAF_CHECK(!unframe_u64("12345678"));
  CAF_CHECK(!unframe_u64(frame(1, "short")));
}
