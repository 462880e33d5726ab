#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::crypto {

/// The master keys that secrets are encrypted with at rest: AES-256-GCM. The first key encrypts, all decrypt, so a
/// key is replaced by putting a new one in front and removing the old one when nothing is sealed with it any more.
/// Sealing, opening and `replace` may happen in any threads at once.
class key_ring {
public:
  /// Reads lines `id:base64(32 bytes)`; empty lines and lines starting with `#` are skipped. An id is 1 to 32
  /// characters of A-Z a-z 0-9 . _ -. Throws std::invalid_argument naming the line (never its content) that is
  /// wrong, and when there is no key at all.
  static key_ring parse(std::string_view text);

  /// A ring with one random key, whose `parse` form is `line`. For stores that guard nothing, as the playground's.
  static key_ring generate(std::string& line);

  /// Has the keys of `with` from now on, for whoever shares this ring.
  void replace(const key_ring& with) noexcept { std::atomic_store(&keys_, std::atomic_load(&with.keys_)); }

  /// Encrypts with the first key and a random nonce, bound to `aad` (what the secret belongs to; not stored).
  /// The result names the key: [format u8][id length u8][id][nonce 12][ciphertext][tag 16]. One key is good for
  /// 2^32 secrets. Throws std::runtime_error only if the library itself fails.
  std::string seal(std::string_view plaintext, std::string_view aad) const;

  /// What was sealed, or nothing when it was changed, cut, bound to other `aad`, or sealed with a key not here.
  std::optional<std::string> open(std::string_view sealed, std::string_view aad) const;

  /// The id of the key that `sealed` names, for messages such as "master key 2024 is missing"; empty if malformed.
  static std::string_view key_id_of(std::string_view sealed);

  /// The id of the key that encrypts.
  std::string current_id() const { return std::atomic_load(&keys_)->list.front().id; }

private:
  struct key {
    std::string id;
    std::array<unsigned char, 32> bytes{};
  };

  /// Wiped when nobody has them any more.
  struct key_list {
    key_list() = default;
    key_list(const key_list&) = delete;
    key_list& operator=(const key_list&) = delete;
    ~key_list();
    std::vector<key> list; ///< never empty
  };

  explicit key_ring(std::shared_ptr<const key_list> keys) : keys_{std::move(keys)} {}

  std::shared_ptr<const key_list> keys_; ///< read and replaced by the atomic functions only
};

} // namespace carillon::crypto
