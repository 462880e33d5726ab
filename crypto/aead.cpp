#include "crypto/aead.hpp"

#include "crypto/base64.hpp"
#include "crypto/random.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace carillon::crypto {

namespace {

constexpr char format_version = 1;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t max_id = 32;

struct context_deleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, context_deleter>;

const unsigned char* input(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* output(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void check(int result) {
  if (result != 1)
    throw std::runtime_error("OpenSSL: AES-256-GCM");
}

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= max_id && std::all_of(id.begin(), id.end(), [](char c) {
    return is_base62(c) || c == '.' || c == '_' || c == '-';
  });
}

std::string_view trim(std::string_view line) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && blank(line.front()))
    line.remove_prefix(1);
  while (!line.empty() && blank(line.back()))
    line.remove_suffix(1);
  return line;
}

} // namespace

key_ring key_ring::parse(std::string_view text) {
  auto keys = std::make_shared<key_list>();
  auto& list = keys->list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#')
      continue;
    const auto refuse = [number](const char* why) {
      throw std::invalid_argument("master keys, line " + std::to_string(number) + ": " + why);
    };
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      refuse("expected id:base64(32 bytes)");
    key next;
    next.id = line.substr(0, colon);
    if (!valid_id(next.id))
      refuse("the id must be 1 to 32 characters of A-Z a-z 0-9 . _ -");
    if (std::any_of(list.begin(), list.end(), [&](const key& k) { return k.id == next.id; }))
      refuse("the id was used before");
    auto bytes = base64_decode(line.substr(colon + 1));
    if (!bytes || bytes->size() != next.bytes.size())
      refuse("the key must be the base64 of exactly 32 bytes");
    std::copy(bytes->begin(), bytes->end(), next.bytes.begin());
    OPENSSL_cleanse(bytes->data(), bytes->size());
    list.push_back(std::move(next));
  }
  if (list.empty())
    throw std::invalid_argument("master keys: there is no key");
  return key_ring{std::move(keys)};
}

key_ring key_ring::generate(std::string& line) {
  line = "k" + base62_fixed(random_u64(), 6) + ":" + base64_encode(random_bytes(32));
  return parse(line);
}

key_ring::key_list::~key_list() {
  for (auto& k : list)
    OPENSSL_cleanse(k.bytes.data(), k.bytes.size());
}

std::string key_ring::seal(std::string_view plaintext, std::string_view aad) const {
  const auto keys = std::atomic_load(&keys_);
  const auto& k = keys->list.front();
  std::string sealed{format_version, static_cast<char>(k.id.size())};
  sealed += k.id;
  const auto nonce = random_bytes(nonce_size);
  sealed += nonce;
  const auto body = sealed.size();
  sealed.resize(body + plaintext.size() + tag_size);

  const cipher_context context{EVP_CIPHER_CTX_new()};
  int written = 0;
  check(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, k.bytes.data(), input(nonce)));
  check(EVP_EncryptUpdate(context.get(), nullptr, &written, input(aad), static_cast<int>(aad.size())));
  if (!plaintext.empty())
    check(EVP_EncryptUpdate(context.get(), output(sealed) + body, &written, input(plaintext),
                            static_cast<int>(plaintext.size())));
  check(EVP_EncryptFinal_ex(context.get(), output(sealed) + body + plaintext.size(), &written));
  check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size,
                            output(sealed) + body + plaintext.size()));
  return sealed;
}

std::string_view key_ring::key_id_of(std::string_view sealed) {
  if (sealed.size() < 2 || sealed[0] != format_version)
    return {};
  const auto size = static_cast<unsigned char>(sealed[1]);
  if (sealed.size() < 2U + size + nonce_size + tag_size)
    return {};
  return sealed.substr(2, size);
}

std::optional<std::string> key_ring::open(std::string_view sealed, std::string_view aad) const {
  const auto id = key_id_of(sealed);
  const auto keys = std::atomic_load(&keys_);
  const auto& list = keys->list;
  const auto k = std::find_if(list.begin(), list.end(), [&](const key& candidate) { return candidate.id == id; });
  if (k == list.end())
    return std::nullopt;
  const auto nonce = sealed.substr(2 + id.size(), nonce_size);
  auto body = sealed.substr(2 + id.size() + nonce_size);
  std::string tag{body.substr(body.size() - tag_size)};
  body.remove_suffix(tag_size);

  std::string plaintext(body.size(), '\0');
  unsigned char nothing = 0;
  const cipher_context context{EVP_CIPHER_CTX_new()};
  int written = 0;
  check(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, k->bytes.data(), input(nonce)));
  check(EVP_DecryptUpdate(context.get(), nullptr, &written, input(aad), static_cast<int>(aad.size())));
  if (!body.empty())
    check(EVP_DecryptUpdate(context.get(), output(plaintext), &written, input(body), static_cast<int>(body.size())));
  check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()));
  if (EVP_DecryptFinal_ex(context.get(), &nothing, &written) != 1)
    return std::nullopt;
  return plaintext;
}

} // namespace carillon::crypto
