#define CAF_SUITE token
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/base64.hpp"
#include "crypto/signature.hpp"
#include "crypto/token.hpp"

#include <set>

using namespace carillon::crypto;

CAF_TEST(a new token is well formed and does not repeat) {
  std::set<std::string> seen;
  for (auto prefix : {"cat", "cak"})
    for (int i = 0; i < 200; ++i) {
      const auto token = make_token(prefix);
      CAF_CHECK_EQUAL(token.size(), 50u);
      CAF_CHECK(token.starts_with(std::string{prefix} + "_"));
      CAF_CHECK(well_formed_token(token));
      CAF_CHECK(seen.insert(token).second);
    }
}

CAF_TEST(every typo in one place is noticed) {
  const auto token = make_token("cat");
  for (std::size_t at = 0; at < token.size(); ++at) {
    auto changed = token;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    CAF_CHECK(!well_formed_token(changed));
  }
  CAF_CHECK(!well_formed_token(""));
  CAF_CHECK(!well_formed_token(token + "0"));
  CAF_CHECK(!well_formed_token(token.substr(1)));
  CAF_CHECK(!well_formed_token("cat_"));
}

CAF_TEST(comparison sees every difference) {
  CAF_CHECK(equal_constant_time("", ""));
  CAF_CHECK(equal_constant_time("abc", "abc"));
  CAF_CHECK(!equal_constant_time("abc", "abd"));
  CAF_CHECK(!equal_constant_time("abc", "xbc"));
  CAF_CHECK(!equal_constant_time("abc", "abcd"));
}

CAF_TEST(signatures are those of Standard Webhooks) {
  const auto first = decode_secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
  CAF_REQUIRE(first);
  CAF_CHECK_EQUAL(sign(*first, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                       R"({"email":"test@example.com","username":"test_user"})"),
                  "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
  const auto second = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  CAF_REQUIRE(second);
  CAF_CHECK_EQUAL(sign(*second, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
                  "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

CAF_TEST(a secret holds 24 to 64 bytes) {
  const auto secret_of = [](std::size_t size) { return "whsec_" + base64_encode(std::string(size, 'k')); };
  CAF_CHECK(!decode_secret(secret_of(23)));
  CAF_CHECK(decode_secret(secret_of(24)) == std::string(24, 'k'));
  CAF_CHECK(decode_secret(secret_of(64)) == std::string(64, 'k'));
  CAF_CHECK(!decode_secret(secret_of(65)));
  CAF_CHECK(!decode_secret(base64_encode(std::string(32, 'k'))));
  CAF_CHECK(!decode_secret("whsec_"));
  CAF_CHECK(!decode_secret("whsec_***"));
  CAF_CHECK(decode_secret(make_secret()));
  CAF_CHECK(make_secret() != make_secret());
}
