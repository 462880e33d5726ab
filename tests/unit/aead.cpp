#define CAF_SUITE aead
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "crypto/aead.hpp"
#include "crypto/base64.hpp"

#include <stdexcept>

using namespace carillon::crypto;

namespace {

std::string line(std::string id, char fill) { return id + ":" + base64_encode(std::string(32, fill)) + "\n"; }

std::string refusal(const std::string& text) {
  try {
    key_ring::parse(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

} // namespace

CAF_TEST(what is sealed opens with the same additional data only) {
  const auto ring = key_ring::parse(line("a", 'x'));
  for (const std::string& plain : {std::string{}, std::string{"s"}, std::string(1000, 'p')})
    for (const std::string& aad : {std::string{}, std::string{"account/subscription"}}) {
      const auto sealed = ring.seal(plain, aad);
      CAF_CHECK(ring.open(sealed, aad) == plain);
      CAF_CHECK(!ring.open(sealed, aad + "x"));
      if (plain.size() > 4)
        CAF_CHECK(sealed.find(plain) == std::string::npos);
    }
  CAF_CHECK(ring.seal("same", "") != ring.seal("same", ""));
}

CAF_TEST(any changed or missing byte is noticed) {
  const auto ring = key_ring::parse(line("key-1", 'x'));
  const auto sealed = ring.seal("a secret", "aad");
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CAF_CHECK(!ring.open(changed, "aad"));
    CAF_CHECK(!ring.open(sealed.substr(0, at), "aad"));
  }
  CAF_CHECK(!ring.open(sealed + "x", "aad"));
}

CAF_TEST(the first key encrypts and all decrypt) {
  const auto old_ring = key_ring::parse(line("old", 'o'));
  const auto both = key_ring::parse("# rotated\n\n" + line("new", 'n') + line("old", 'o'));
  const auto new_ring = key_ring::parse(line("new", 'n'));
  const auto before = old_ring.seal("secret", "");
  CAF_CHECK(both.open(before, "") == std::string{"secret"});
  const auto after = both.seal("secret", "");
  CAF_CHECK_EQUAL(key_ring::key_id_of(after), "new");
  CAF_CHECK_EQUAL(both.current_id(), "new");
  CAF_CHECK(new_ring.open(after, "") == std::string{"secret"});
  CAF_CHECK(!new_ring.open(before, ""));
  CAF_CHECK_EQUAL(key_ring::key_id_of(before), "old");
  // The same id with another key must not pass for it.
  CAF_CHECK(!key_ring::parse(line("old", 'z')).open(before, ""));
}

CAF_TEST(a bad key file names the line and hides its content) {
  CAF_CHECK(refusal("").find("no key") != std::string::npos);
  CAF_CHECK(refusal("# nothing\n").find("no key") != std::string::npos);
  const std::string wrong[] = {"justtext\n", ":" + base64_encode(std::string(32, 'q')), line("a b", 'q'),
                               "k:" + base64_encode(std::string(31, 'q')), "k:" + base64_encode(std::string(33, 'q')),
                               "k:!!!!", line("good", 'z'), line(std::string(33, 'i'), 'q')};
  for (const auto& text : wrong) {
    const auto why = refusal(line("good", 'x') + text);
    CAF_CHECK(why.find("line 2") != std::string::npos);
    CAF_CHECK(why.find("cXFx") == std::string::npos);
  }
  CAF_CHECK_EQUAL(refusal(line("good", 'x') + "\r\n"), "accepted");
}

CAF_TEST(a generated ring can be written down) {
  std::string text;
  const auto ring = key_ring::generate(text);
  CAF_CHECK(key_ring::parse(text).open(ring.seal("secret", "a"), "a") == std::string{"secret"});
}

CAF_TEST(replaced_keys_count_for_who_shares_the_ring) {
  auto ring = key_ring::parse(line("old", 'o'));
  const auto& shared = ring;
  const auto before = shared.seal("secret", "a");
  ring.replace(key_ring::parse(line("new", 'n') + line("old", 'o')));
  CAF_CHECK_EQUAL(shared.current_id(), "new");
  const auto after = shared.seal("secret", "a");
  CAF_CHECK_EQUAL(key_ring::key_id_of(after), "new");
  CAF_CHECK(shared.open(before, "a") == std::string{"secret"});
  ring.replace(key_ring::parse(line("new", 'n')));
  CAF_CHECK(!shared.open(before, "a"));
}
