#define CAF_SUITE hash
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/hash.hpp"

#include <numeric>

using namespace carillon::crypto;

CAF_TEST(sha256 gives the published digests) {
  CAF_CHECK_EQUAL(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CAF_CHECK_EQUAL(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CAF_CHECK_EQUAL(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

CAF_TEST(fingerprints are those that XXH3 has published) {
  CAF_CHECK_EQUAL(to_hex(fingerprint("")), "99aa06d3014798d86001c324468d497f");
  CAF_CHECK_EQUAL(to_hex(fingerprint("abc")), "06b05ab6733a618578af5f94892f3950");
  CAF_CHECK(fingerprint(std::string(1000, 'a')) != fingerprint(std::string(1001, 'a')));
}

CAF_TEST(hmac gives the digests of RFC 4231) {
  CAF_CHECK_EQUAL(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CAF_CHECK_EQUAL(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CAF_CHECK_EQUAL(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
                  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CAF_CHECK_EQUAL(to_hex(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

CAF_TEST(a prepared key gives the same digest each time and takes the message in parts) {
  hmac_sha256_key key{"Jefe"};
  const auto whole = hmac_sha256("Jefe", "what do ya want for nothing?");
  CAF_CHECK(key({"what do ya want ", "for nothing?"}) == whole);
  CAF_CHECK(key({"what do ya want for nothing?", ""}) == whole);
  auto moved = std::move(key);
  CAF_CHECK(moved({"what do ya want for nothing?"}) == whole);
}

CAF_TEST(siphash gives the reference vectors) {
  std::array<std::uint8_t, 16> key{};
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  std::string message;
  const auto next = [&] {
    const auto value = siphash24(key, message);
    message.push_back(static_cast<char>(message.size()));
    return value;
  };
  CAF_CHECK_EQUAL(next(), 0x726fdb47dd0e0e31ULL);
  CAF_CHECK_EQUAL(next(), 0x74f839c593dc67fdULL);
  CAF_CHECK_EQUAL(next(), 0x0d6c8009d9a94f5aULL);
  CAF_CHECK_EQUAL(next(), 0x85676696d7fb7e2dULL);
  message.resize(15);
  std::iota(message.begin(), message.end(), '\0');
  CAF_CHECK_EQUAL(siphash24(key, message), 0xa129ca6149be45e5ULL);
}

CAF_TEST(crc32c gives the vectors of RFC 3720 with and without the instruction) {
  std::string rising(32, '\0');
  std::iota(rising.begin(), rising.end(), '\0');
  using function = std::uint32_t (*)(std::string_view, std::uint32_t) noexcept;
  for (const function crc : {function{&crc32c}, function{&detail::crc32c_by_table}}) {
    CAF_CHECK_EQUAL(crc("123456789", 0), 0xe3069283U);
    CAF_CHECK_EQUAL(crc(std::string(32, '\0'), 0), 0x8a9136aaU);
    CAF_CHECK_EQUAL(crc(std::string(32, '\xff'), 0), 0x62a8ab43U);
    CAF_CHECK_EQUAL(crc(rising, 0), 0x46dd794eU);
    CAF_CHECK_EQUAL(crc("", 0), 0U);
    CAF_CHECK_EQUAL(crc("6789", crc("12345", 0)), 0xe3069283U);
  }
}

CAF_TEST(both versions of crc32c agree at every length) {
  std::string data;
  for (int i = 0; i < 100; ++i) {
    CAF_CHECK_EQUAL(crc32c(data, 7), detail::crc32c_by_table(data, 7));
    data.push_back(static_cast<char>(i * 37));
  }
}

CAF_TEST(hexadecimal digits are lower case) { CAF_CHECK_EQUAL(to_hex(std::string_view{"\x00\xff\x1a", 3}), "00ff1a"); }
