#include "playground/inbox_signature.hpp"

#include "crypto/hash.hpp"
#include "crypto/signature.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace carillon::playground {

namespace {

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc{} && end == last ? std::optional{value} : std::nullopt;
}

} // namespace

signature_check::signature_check(const std::vector<std::string>& secrets, std::vector<std::string> signatures)
    : signatures_(std::move(signatures)) {
  for (const auto& secret : secrets) {
    auto key = crypto::decode_secret(secret);
    if (!key)
      throw std::runtime_error("a secret must be whsec_ and base64 of 24 to 64 bytes");
    keys_.push_back(std::move(*key));
  }
}

signature_state signature_check::operator()(const arrival& entry) const {
  if (keys_.empty() && signatures_.empty())
    return signature_state::unchecked;
  const auto wanted = expected(entry);
  for (const auto& [name, value] : entry.fields) {
    if (name != "webhook-signature")
      continue;
    const auto given = " " + value + " "; // a rotation sends two in one value
    if (std::any_of(wanted.begin(), wanted.end(),
                    [&given](const auto& one) { return given.find(" " + one + " ") != std::string::npos; }))
      return signature_state::valid;
  }
  return signature_state::invalid;
}

std::vector<std::string> signature_check::expected(const arrival& entry) const {
  std::vector<std::string> result;
  if (const auto timestamp = number(entry.field("webhook-timestamp")))
    for (const auto& key : keys_)
      result.push_back(crypto::sign(key, entry.field("webhook-id"), *timestamp, entry.body));
  for (const auto& signature : signatures_)
    result.push_back(crypto::to_hex(crypto::hmac_sha256(signature, entry.body)));
  return result;
}

} // namespace carillon::playground
