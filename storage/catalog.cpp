#include "storage/catalog.hpp"

#include "storage/catalog_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/log_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace carillon::storage {

namespace {

constexpr std::uint8_t reference_format = 1; ///< of rows that only name another row

constexpr std::array<std::pair<account_state, std::string_view>, 3> state_names{
    {{account_state::active, "active"},
     {account_state::paused, "paused"},
     {account_state::deleting, "deleting"}}};

constexpr std::array<std::pair<credential_scope, std::string_view>, 5> scope_names{
    {{credential_scope::admin, "admin"},
     {credential_scope::account, "account"},
     {credential_scope::read, "read"},
     {credential_scope::ingest, "ingest"},
     {credential_scope::metrics, "metrics"}}};

template <class Names, class Value>
std::string_view name_in(const Names& names, Value value) {
  for (const auto& [known, name] : names)
    if (known == value)
      return name;
  return {};
}

template <class Value, std::size_t N>
std::optional<Value> value_in(const std::array<std::pair<Value, std::string_view>, N>& names,
                              std::string_view text) {
  for (const auto& [value, name] : names)
    if (name == text)
      return value;
  return std::nullopt;
}

std::string name_key(std::string_view name) {
  return key(domain::system_shard, row_kind::name, name);
}
std::string number_key(domain::account_id number) {
  return key(domain::system_shard, row_kind::number, domain::raw(number));
}
std::string credential_key(const crypto::digest256& hash) {
  return key(domain::system_shard, row_kind::credential, crypto::as_view(hash));
}
std::string credential_id_key(domain::account_id account, std::string_view id) {
  return key(domain::system_shard, row_kind::credential_id, domain::raw(account), id);
}
std::string counter_key(std::string_view name) {
  return key(domain::system_shard, row_kind::counter, name);
}

[[noreturn]] void throw_damaged(const store& s, std::string_view what) {
  throw store_error{"the store " + s.directory() + " is damaged in " + std::string{what} +
                    "; restore a backup"};
}

bool visible_ascii(char c) {
  return c > ' ' && c < 0x7F;
}

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The key behind this one in the order of keys.
std::string next_key(std::string k) {
  k += '\0';
  return k;
}

std::optional<std::string> get_reference(const store& s, const std::string& k, std::string_view what) {
  const auto value = log_reader{s}.get(k);
  if (!value)
    return std::nullopt;
  const auto content = unframe(*value);
  if (!content || content->format != reference_format)
    throw_damaged(s, what);
  return std::string{content->payload};
}

crypto::digest256 as_hash(const store& s, std::string_view bytes) {
  crypto::digest256 hash{};
  if (bytes.size() != hash.size())
    throw_damaged(s, "a credential's id");
  std::transform(bytes.begin(), bytes.end(), hash.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return hash;
}

} // namespace

std::string_view to_string(account_state state) {
  return name_in(state_names, state);
}
std::optional<account_state> parse_account_state(std::string_view text) {
  return value_in(state_names, text);
}
std::string_view to_string(credential_scope scope) {
  return name_in(scope_names, scope);
}
std::optional<credential_scope> parse_credential_scope(std::string_view text) {
  return value_in(scope_names, text);
}

bool well_formed_account_name(std::string_view text) noexcept {
  constexpr std::size_t longest = 64;
  return !text.empty() && text.size() <= longest && letter_or_digit(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool importable_secret(std::string_view text) noexcept {
  constexpr std::size_t shortest = 32, longest = 512;
  return text.size() >= shortest && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), visible_ascii);
}

// --- reading ------------------------------------------------------------------------------------

catalog::catalog(const store& s) : store_{s} {}

std::optional<account_profile> catalog::find_account(std::string_view name) const {
  if (!well_formed_account_name(name))
    return std::nullopt;
  const auto value = log_reader{store_}.get(name_key(name));
  if (!value)
    return std::nullopt;
  auto profile = decode_account(*value);
  if (!profile)
    throw_damaged(store_, "the profile of account " + std::string{name});
  return profile;
}

std::optional<account_profile> catalog::find_account(domain::account_id number) const {
  const auto name = get_reference(store_, number_key(number),
                                  "the name of account number " + std::to_string(domain::raw(number)));
  return name ? find_account(*name) : std::nullopt;
}

std::vector<account_profile> catalog::list_accounts(std::string_view after, std::size_t limit) const {
  std::vector<account_profile> profiles;
  const auto prefix = key(domain::system_shard, row_kind::name);
  for (const auto& [k, value] :
       log_reader{store_}.range(prefix, after.empty() ? std::string{} : next_key(name_key(after)), limit)) {
    auto profile = decode_account(value);
    if (!profile)
      throw_damaged(store_, "the profile of account " + k.substr(prefix.size()));
    profiles.push_back(std::move(*profile));
  }
  return profiles;
}

std::optional<credential> catalog::find_credential(const crypto::digest256& hash) const {
  const auto value = log_reader{store_}.get(credential_key(hash));
  if (!value)
    return std::nullopt;
  auto found = decode_credential(*value);
  if (!found || found->hash != hash)
    throw_damaged(store_, "a credential");
  return found;
}

std::optional<credential> catalog::find_credential(domain::account_id account, std::string_view id) const {
  const auto hash =
      get_reference(store_, credential_id_key(account, id), "the credential " + std::string{id});
  return hash ? find_credential(as_hash(store_, *hash)) : std::nullopt;
}

std::vector<credential> catalog::list_keys(domain::account_id account, std::string_view after,
                                           std::size_t limit) const {
  return list_credentials(account, after, limit);
}

std::vector<credential> catalog::list_tokens(std::string_view after, std::size_t limit) const {
  return list_credentials(domain::account_id{}, after, limit);
}

std::vector<credential> catalog::list_credentials(domain::account_id account, std::string_view after,
                                                  std::size_t limit) const {
  std::vector<credential> found;
  const auto prefix = credential_id_key(account, {});
  const auto start = after.empty() ? std::string{} : next_key(credential_id_key(account, after));
  for (const auto& [k, value] : log_reader{store_}.range(prefix, start, limit)) {
    const auto content = unframe(value);
    if (!content || content->format != reference_format)
      throw_damaged(store_, "the credential " + k.substr(prefix.size()));
    // Gone meanwhile: erased between the two reads.
    if (auto c = find_credential(as_hash(store_, content->payload)))
      found.push_back(std::move(*c));
  }
  return found;
}

std::uint64_t catalog::counter(std::string_view name) const {
  const auto value = log_reader{store_}.get(counter_key(name));
  if (!value)
    return 0;
  const auto number = unframe_u64(*value);
  if (!number)
    throw_damaged(store_, "the counter " + std::string{name});
  return *number;
}

// --- planning -----------------------------------------------------------------------------------

std::vector<domain::table_write> catalog::plan_create_account(account_profile& profile) const {
  const auto count = counter(account_counter) + 1;
  profile.number =
      domain::account_id{count * store_.identity().shards + domain::raw(store_.shard_of(profile.id))};
  auto writes = plan_put_account(profile);
  writes.push_back(plan_counter(account_counter, count));
  return writes;
}

std::vector<domain::table_write> catalog::plan_delete_keys(domain::account_id account,
                                                           std::size_t limit) const {
  std::vector<domain::table_write> writes;
  for (const auto& c : list_keys(account, {}, limit))
    for (auto& write : plan_delete_credential(c))
      writes.push_back(std::move(write));
  return writes;
}

std::vector<domain::table_write> plan_put_account(const account_profile& profile) {
  return {{name_key(profile.id), encode_account(profile), false},
          {number_key(profile.number), frame(reference_format, profile.id), false}};
}

std::vector<domain::table_write> plan_delete_account(const account_profile& profile) {
  return {{name_key(profile.id), {}, true}, {number_key(profile.number), {}, true}};
}

std::vector<domain::table_write> plan_put_credential(const credential& c) {
  return {{credential_key(c.hash), encode_credential(c), false},
          {credential_id_key(c.account, c.id), frame(reference_format, crypto::as_view(c.hash)), false}};
}

std::vector<domain::table_write> plan_delete_credential(const credential& c) {
  return {{credential_key(c.hash), {}, true}, {credential_id_key(c.account, c.id), {}, true}};
}

domain::table_write plan_counter(std::string_view name, std::uint64_t value) {
  return {counter_key(name), frame_u64(value), false};
}

} // namespace carillon::storage
