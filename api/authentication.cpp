#include "api/authentication.hpp"

#include "api/problem.hpp"
#include "crypto/base64.hpp"
#include "crypto/token.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <future>
#include <memory>

namespace carillon::api {

namespace {

using storage::credential_scope;
using namespace std::chrono_literals;

/// A change made elsewhere (by another process's hands on the store) shows after this time.
constexpr auto remembered_for = 1s;
/// Of each kind; when there are more, all are forgotten. A few hundred bytes each.
constexpr std::size_t most_remembered = 10'000;
/// Uses are written in batches this far apart.
constexpr auto write_interval = 30s;
/// Answers that a thread has at hand, of each kind.
constexpr std::size_t slots_of_a_thread = 64;
/// Longer secrets can't be anybody's.
constexpr std::size_t longest_secret = 512;

std::optional<std::string_view> after_scheme(std::optional<std::string_view> authorization,
                                             std::string_view scheme) {
  if (!authorization || authorization->size() <= scheme.size() || (*authorization)[scheme.size()] != ' ')
    return std::nullopt;
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
  };
  if (!std::equal(scheme.begin(), scheme.end(), authorization->begin(),
                  [&](char s, char a) { return same(a, s); }))
    return std::nullopt;
  auto rest = authorization->substr(scheme.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (rest.empty())
    return std::nullopt;
  return rest;
}

} // namespace

bool caller::reaches(credential_scope wanted) const {
  if (is_operator)
    return true;
  const auto has = [&](credential_scope s) {
    return std::find(credential.scopes.begin(), credential.scopes.end(), s) != credential.scopes.end();
  };
  return has(wanted) || has(credential_scope::admin) ||
         (wanted == credential_scope::read && has(credential_scope::account));
}

bool caller::covers(const storage::account_profile& account) const {
  if (is_key())
    return credential.account == account.number;
  return reaches(credential_scope::admin) ||
         std::any_of(credential.accounts.begin(), credential.accounts.end(),
                     [&](const auto& name) { return name == "*" || name == account.id; });
}

std::optional<std::string_view> bearer_secret(std::optional<std::string_view> authorization) {
  return after_scheme(authorization, "bearer");
}

std::optional<std::pair<std::string, std::string>> basic_pair(std::optional<std::string_view> authorization) {
  const auto coded = after_scheme(authorization, "basic");
  const auto text = coded ? crypto::base64_decode(*coded) : std::nullopt;
  const auto colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return std::nullopt;
  return std::pair{text->substr(0, colon), text->substr(colon + 1)};
}

std::size_t authenticator::digest_hash::operator()(const crypto::digest256& d) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, d.data(), sizeof out);
  return out;
}

void require_current_catalog(const actors::node& node) {
  if (!node.catalog_is_current())
    throw refusal{account::request_error{
        503, "no-quorum", "this node doesn't know the accounts and keys as they are now; nothing was done", {}, 1}};
}

storage::catalog catalog_of(const actors::node& node) {
  require_current_catalog(node);
  return node.catalog();
}

/// The remembered value, or what `read` yields, which is remembered unless it is null: who guesses must not
/// push out who knows.
template <class Map, class Key, class Read>
typename Map::mapped_type authenticator::recall(Map& map, const Key& key, Read read) {
  const auto now = clock::now();
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock{guard_};
    if (const auto it = map.find(key); it != map.end() && now - it->second.read < remembered_for)
      return it->second;
    generation = generation_;
  }
  typename Map::mapped_type fresh{read(), now};
  const std::lock_guard lock{guard_};
  if (fresh.value && generation == generation_) {
    if (map.size() >= most_remembered)
      map.clear();
    map.insert_or_assign(key, fresh);
  }
  return fresh;
}

template <class Key, class T>
bool authenticator::at_hand<Key, T>::fits(const authenticator& of, const auto& wanted,
                                          clock::time_point now) const {
  return instance == of.instance_ && generation == of.generation_.load(std::memory_order_acquire) &&
         now - read < remembered_for && key == wanted;
}

authenticator::authenticator(actors::node& node)
    : node_{node}, instance_{[] {
        static std::atomic<std::uint64_t> last{0};
        return ++last;
      }()} {}

authenticator::remembered<caller_ptr> authenticator::look_up(const crypto::digest256& hash) {
  return recall(callers_, hash, [&]() -> caller_ptr {
    auto found = catalog_of(node_).find_credential(hash);
    return found ? std::make_shared<const caller>(caller{false, std::move(*found)}) : nullptr;
  });
}

caller_ptr authenticator::identify(std::string_view secret) {
  if (secret.empty() || secret.size() > longest_secret)
    return nullptr;
  static const auto the_operator = std::make_shared<const caller>(caller{true, {}});
  const auto settings = node_.settings();
  const auto& admin = settings->auth.admin_token;
  if (!admin.empty() && crypto::equal_constant_time(secret, admin))
    return the_operator;
  const auto hash = crypto::sha256(secret);
  const auto now = domain::wall_now();
  const auto expired = [now](const caller& c) {
    return c.credential.expires_at && *c.credential.expires_at <= now;
  };
  thread_local std::array<at_hand<crypto::digest256, caller_ptr>, slots_of_a_thread> known;
  auto& near = known[digest_hash{}(hash) % known.size()];
  if (near.fits(*this, hash, clock::now()))
    return expired(*near.value) ? nullptr : near.value;
  const auto generation = generation_.load(std::memory_order_acquire);
  auto found = look_up(hash);
  if (!found.value || expired(*found.value))
    return nullptr;
  if (found.value->is_key()) {
    const auto account = account_of_key(found.value->credential.account);
    if (!account.value || account.value->state == storage::account_state::deleting)
      return nullptr;
    found.read = std::min(found.read, account.read);
  }
  note_use(hash, now);
  near = {instance_, generation, found.read, hash, found.value};
  return std::move(found.value);
}

account_ptr authenticator::find_account(std::string_view name) {
  thread_local std::array<at_hand<std::string, account_ptr>, slots_of_a_thread> known;
  auto& near = known[std::hash<std::string_view>{}(name) % known.size()];
  if (near.fits(*this, name, clock::now()))
    return near.value;
  const auto generation = generation_.load(std::memory_order_acquire);
  auto found = recall(accounts_, std::string{name}, [&]() -> account_ptr {
    auto profile = catalog_of(node_).find_account(name);
    return profile ? std::make_shared<const storage::account_profile>(std::move(*profile)) : nullptr;
  });
  if (found.value)
    near = {instance_, generation, found.read, std::string{name}, found.value};
  return std::move(found.value);
}

account_ptr authenticator::find_account(domain::account_id number) {
  return account_of_key(number).value;
}

authenticator::remembered<account_ptr> authenticator::account_of_key(domain::account_id number) {
  return recall(numbered_, raw(number), [&]() -> account_ptr {
    auto profile = catalog_of(node_).find_account(number);
    return profile ? std::make_shared<const storage::account_profile>(std::move(*profile)) : nullptr;
  });
}

void authenticator::notice(std::uint64_t changes) {
  if (changes_.load(std::memory_order_relaxed) != changes && changes_.exchange(changes) != changes)
    forget();
}

void authenticator::forget() {
  const std::lock_guard lock{guard_};
  ++generation_;
  callers_.clear();
  accounts_.clear();
  numbered_.clear();
}

std::optional<domain::wall_time> authenticator::last_used(const crypto::digest256& hash) const {
  const std::lock_guard lock{guard_};
  const auto it = used_.find(hash);
  return it == used_.end() ? std::nullopt : std::optional{it->second};
}

void authenticator::note_use(const crypto::digest256& hash, domain::wall_time now) {
  {
    const std::lock_guard lock{guard_};
    used_[hash] = now;
    if (clock::now() - last_written_ < write_interval && used_.size() < most_remembered)
      return;
  }
  write_uses(0ms);
}

void authenticator::write_uses(std::chrono::milliseconds wait) {
  actors::note_used uses;
  {
    const std::lock_guard lock{guard_};
    uses.used.assign(used_.begin(), used_.end());
    used_.clear();
    last_written_ = clock::now();
  }
  // When it fails, a time is a little older than it could be: nobody needs to know.
  if (uses.used.empty())
    return;
  auto written = std::make_shared<std::promise<void>>();
  auto done = written->get_future();
  node_.change(std::move(uses), [written](const actors::catalog_reply&) { written->set_value(); });
  if (wait > 0ms)
    done.wait_for(wait);
}

} // namespace carillon::api
