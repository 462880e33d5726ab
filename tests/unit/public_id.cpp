#define CAF_SUITE public_id
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "domain/public_id.hpp"

#include <limits>
#include <random>
#include <string>

using namespace carillon::domain;
using namespace std::string_literals;

namespace {

numbered make(std::uint32_t generation, std::uint64_t account, std::uint64_t number) {
  return {generation, account_id{account}, number};
}

const numbered largest =
    make(std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::uint64_t>::max(),
         std::numeric_limits<std::uint64_t>::max());

bool url_safe(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
         std::string::npos;
}

} // namespace

CAF_TEST(ids are short readable and without dots) {
  CAF_CHECK_EQUAL(notification_public_id(make(1, 100, 35)), "ntf_1_2s_z"s);
  CAF_CHECK_EQUAL(webhook_public_id(make(1, 100, 36)), "msg_1_2s_10"s);
  CAF_CHECK_EQUAL(event_public_id(make(0, 0, 0)), "evt_0_0_0"s);
  CAF_CHECK_EQUAL(notification_public_id(largest), "ntf_1z141z3_3w5e11264sgsf_3w5e11264sgsf"s);
  CAF_CHECK(notification_public_id(largest).size() <= 40);
}

CAF_TEST(ids are read back) {
  std::mt19937_64 random{3};
  for (int i = 0; i < 20'000; ++i) {
    const auto n = make(static_cast<std::uint32_t>(random() >> (32 + random() % 32)),
                        random() >> random() % 64, random() >> random() % 64);
    CAF_REQUIRE(parse_notification_public_id(notification_public_id(n)) == n);
    CAF_REQUIRE(parse_webhook_public_id(webhook_public_id(n)) == n);
    CAF_REQUIRE(parse_event_public_id(event_public_id(n)) == n);
    CAF_REQUIRE(parse_feed_cursor(feed_cursor(n)) == n);
    CAF_REQUIRE(url_safe(feed_cursor(n)));
  }
  CAF_CHECK(parse_notification_public_id(notification_public_id(largest)) == largest);
}

CAF_TEST(other texts are no ids) {
  for (const char* text : {"",
                           "ntf",
                           "ntf_",
                           "ntf_1",
                           "ntf_1_2",
                           "ntf_1_2_",
                           "ntf_1_2_3_",
                           "ntf_1_2_3_4",
                           "ntf_1_2_3 ",
                           " ntf_1_2_3",
                           "msg_1_2_3",
                           "NTF_1_2_3",
                           "ntf_1_2_A",
                           "ntf_01_2_3",
                           "ntf_1_00_3",
                           "ntf__2_3",
                           "ntf_1_2_-3",
                           "ntf_1_2_3.4",
                           "ntf_1z141z4_1_1",
                           "ntf_1_3w5e11264sgsg_1",
                           "ntf_1_1_3w5e11264sgsg",
                           "ntf_1_1_zzzzzzzzzzzzz",
                           "ntf_1_1_11111111111111",
                           "ntf_1_2_\xC3\xA9"})
    CAF_CHECK(!parse_notification_public_id(text));
  CAF_CHECK(!parse_notification_public_id(std::string(100'000, '1')));
  CAF_CHECK(!parse_notification_public_id("ntf_1_2_3\0"s));
}

CAF_TEST(cursors are opaque and belong to their list) {
  for (const auto& position : {""s, "a"s, "\0\xFF\x80"s, std::string(512, 'x')}) {
    const auto cursor = list_cursor("accounts", position);
    CAF_CHECK(url_safe(cursor));
    CAF_CHECK(parse_list_cursor("accounts", cursor) == position);
    CAF_CHECK(!parse_list_cursor("tokens", cursor));
    CAF_CHECK(!parse_feed_cursor(cursor));
  }
  CAF_CHECK(!parse_list_cursor("accounts", feed_cursor(make(1, 2, 3))));
}

CAF_TEST(damaged cursors are refused) {
  const auto cursor = feed_cursor(make(1, 2, 3));
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto damaged = cursor;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    CAF_CHECK(!parse_feed_cursor(damaged));
    CAF_CHECK(!parse_feed_cursor(cursor.substr(0, i)));
  }
  for (const auto& text :
       {"now"s, "="s, cursor + "=", cursor + "A", cursor + "AAAA", "+/+/"s, std::string(5'000, 'A')})
    CAF_CHECK(!parse_feed_cursor(text));
}
