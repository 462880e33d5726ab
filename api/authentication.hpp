#pragma once

#include "actors/node.hpp"
#include "crypto/hash.hpp"
#include "domain/time.hpp"
#include "storage/catalog.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace carillon::api {

/// Who asks: the operator (by the configured token), or the holder of a credential.
struct caller {
  bool is_operator = false;
  storage::credential credential; ///< empty for the operator

  bool is_key() const { return !is_operator && credential.kind == storage::credential_kind::key; }
  /// admin ⊃ account ⊃ read; admin reaches `ingest` and `metrics` too.
  bool reaches(storage::credential_scope wanted) const;
  /// Whether its scopes hold for this account.
  bool covers(const storage::account_profile& account) const;
};
using caller_ptr = std::shared_ptr<const caller>;
using account_ptr = std::shared_ptr<const storage::account_profile>; ///< null: there is none

/// Throws 503 while this node's copy of the catalog isn't that of its cluster: nobody is judged by it, nor told that
/// something isn't there.
void require_current_catalog(const actors::node& node);
/// The catalog; throws likewise.
storage::catalog catalog_of(const actors::node& node);

/// The secret of "Authorization: Bearer …"; nothing for anything else.
std::optional<std::string_view> bearer_secret(std::optional<std::string_view> authorization);

/// User and password of "Authorization: Basic …"; nothing for anything else.
std::optional<std::pair<std::string, std::string>> basic_pair(std::optional<std::string_view> authorization);

/// What this node's catalog says about secrets and account names, remembered for a short while. Thread-safe.
///
/// What is remembered is at most one second old, and forgotten at once when the catalog was changed through
/// this node. Each thread has the last answers at hand besides, by the same rule, so that threads that serve
/// the same few callers don't meet at a lock.
class authenticator {
public:
  explicit authenticator(actors::node& node);

  /// Whose secret it is; null when it is nobody's, or expired, or its account is being deleted. Notes the
  /// use, to the second.
  caller_ptr identify(std::string_view secret);

  /// The account of that name.
  account_ptr find_account(std::string_view name);
  /// The account of a key.
  account_ptr find_account(domain::account_id number);

  /// The catalog's changes through other nodes, counted: forgets everything when there are new ones.
  void notice(std::uint64_t changes);
  /// Forgets everything: call it between a committed change of the catalog and its answer.
  void forget();

  /// When that credential was last used, if since the last time that was written.
  std::optional<domain::wall_time> last_used(const crypto::digest256& hash) const;
  /// Writes down when credentials were used, as far as that is not done, and waits so long for it. A node
  /// that is stopped while the change is under way would wait for it much longer.
  void write_uses(std::chrono::milliseconds wait);

private:
  using clock = std::chrono::steady_clock;
  struct digest_hash {
    std::size_t operator()(const crypto::digest256& d) const noexcept;
  };
  template <class T>
  struct remembered {
    T value;
    clock::time_point read;
  };
  /// An answer that a thread has at hand.
  template <class Key, class T>
  struct at_hand {
    std::uint64_t instance = 0, generation = 0;
    clock::time_point read; ///< of the oldest row that it rests on
    Key key{};
    T value;
    bool fits(const authenticator& of, const auto& wanted, clock::time_point now) const;
  };
  remembered<caller_ptr> look_up(const crypto::digest256& hash);
  remembered<account_ptr> account_of_key(domain::account_id number);
  void note_use(const crypto::digest256& hash, domain::wall_time now);
  template <class Map, class Key, class Read>
  typename Map::mapped_type recall(Map& map, const Key& key, Read read);

  actors::node& node_;
  mutable std::mutex guard_;
  const std::uint64_t instance_; ///< told apart from every other of this process
  /// Of what is remembered: a read that began before a change is not kept. Changed under the guard.
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::uint64_t> changes_{0}; ///< as noticed last
  std::unordered_map<crypto::digest256, remembered<caller_ptr>, digest_hash> callers_;
  std::unordered_map<std::string, remembered<account_ptr>> accounts_;
  std::unordered_map<std::uint64_t, remembered<account_ptr>> numbered_;
  std::unordered_map<crypto::digest256, domain::wall_time, digest_hash> used_;
  clock::time_point last_written_ = clock::now();
};

} // namespace carillon::api
