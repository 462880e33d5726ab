#define CAF_SUITE base64
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/base64.hpp"
#include "crypto/random.hpp"

#include <set>

using namespace carillon::crypto;

CAF_TEST(encoding gives the vectors of RFC 4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (auto [plain, encoded] : vectors) {
    CAF_CHECK_EQUAL(base64_encode(plain), encoded);
    CAF_CHECK_EQUAL(base64_decode(encoded).value_or("refused"), plain);
  }
}

CAF_TEST(every byte survives) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CAF_CHECK(base64_decode(base64_encode(bytes)) == bytes);
    bytes.push_back(static_cast<char>(i));
  }
}

CAF_TEST(a text that encoding does not write is refused) {
  for (auto text : {"Z", "Zg", "Zg=", "Zg===", "Zm9", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "Zm9v====",
                    "Zm-v", "Zm_v", "Zg==Zg==", " Zm9v", "Zm9v=", "Z=9v"})
    CAF_CHECK(!base64_decode(text));
}

CAF_TEST(base62 digits have a fixed width) {
  CAF_CHECK_EQUAL(base62_fixed(0, 6), "000000");
  CAF_CHECK_EQUAL(base62_fixed(61, 2), "0z");
  CAF_CHECK_EQUAL(base62_fixed(62, 2), "10");
  CAF_CHECK_EQUAL(base62_fixed(0xffffffff, 6), "4gfFC3");
}

CAF_TEST(a uuid has its version and variant and does not repeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const auto id = uuid_v4();
    CAF_CHECK_EQUAL(id.size(), 36u);
    CAF_CHECK_EQUAL(id[14], '4');
    CAF_CHECK(std::string{"89ab"}.find(id[19]) != std::string::npos);
    for (std::size_t at : {8u, 13u, 18u, 23u})
      CAF_CHECK_EQUAL(id[at], '-');
    CAF_CHECK(seen.insert(id).second);
  }
  CAF_CHECK(random_u64() != random_u64());
}
