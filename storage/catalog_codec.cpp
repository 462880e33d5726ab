#include "storage/catalog_codec.hpp"

#include "storage/framed_value.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace carillon::storage {

namespace {

using json = nlohmann::json;

constexpr std::uint8_t account_format = 1;
constexpr std::uint8_t credential_format = 1;

std::int64_t as_number(domain::wall_time time) {
  return time.time_since_epoch().count();
}

domain::wall_time as_time(const json& number) {
  return domain::wall_time{std::chrono::milliseconds{number.get<std::int64_t>()}};
}

template <class T>
void put_optional(json& object, const char* name, const std::optional<T>& value) {
  if (value)
    object[name] = *value;
}

template <class T>
void get_optional(const json& object, const char* name, std::optional<T>& value) {
  if (const auto found = object.find(name); found != object.end())
    value = found->get<T>();
}

void get_optional(const json& object, const char* name, std::optional<domain::wall_time>& value) {
  if (const auto found = object.find(name); found != object.end())
    value = as_time(*found);
}

std::string framed(std::uint8_t format, json object) {
  object["version"] = format;
  // Names come from outside; should one not be UTF-8, its bytes are replaced rather than the change refused.
  return frame(format, object.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// The object of a value in a format that is known; throws json's errors, which the decoders catch.
std::optional<json> unframed(std::uint8_t newest, std::string_view value) {
  const auto content = unframe(value);
  if (!content || content->format > newest)
    return std::nullopt;
  return json::parse(content->payload);
}

json encode_windows(const std::vector<domain::limit_window>& windows) {
  auto list = json::array();
  for (const auto& window : windows)
    list.push_back({{"count", window.count}, {"seconds", window.length.count()}});
  return list;
}

std::vector<domain::limit_window> decode_windows(const json& list) {
  std::vector<domain::limit_window> windows;
  for (const auto& window : list)
    windows.push_back({window.at("count").get<std::uint32_t>(),
                       std::chrono::seconds{window.at("seconds").get<std::int64_t>()}});
  return windows;
}

json encode_hash(const crypto::digest256& hash) {
  return crypto::to_hex(hash);
}

crypto::digest256 decode_hash(const std::string& hex) {
  crypto::digest256 hash{};
  if (hex.size() != 2 * hash.size())
    throw std::invalid_argument{"hash"};
  for (std::size_t i = 0; i < hash.size(); ++i)
    hash[i] = static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  return hash;
}

account_profile account_from(const json& object) {
  account_profile profile;
  profile.id = object.at("id").get<std::string>();
  profile.number = domain::account_id{object.at("number").get<std::uint64_t>()};
  profile.name = object.at("name").get<std::string>();
  const auto state = parse_account_state(object.at("state").get<std::string>());
  if (!state)
    throw std::invalid_argument{"state"};
  profile.state = *state;
  if (const auto windows = object.find("windows"); windows != object.end())
    profile.limits.windows = decode_windows(*windows);
  get_optional(object, "backlog_records", profile.limits.backlog_records);
  get_optional(object, "backlog_seconds", profile.limits.backlog_seconds);
  get_optional(object, "max_subscriptions", profile.limits.max_subscriptions);
  profile.labels = object.at("labels").get<std::map<std::string, std::string>>();
  profile.created = as_time(object.at("created"));
  profile.updated = as_time(object.at("updated"));
  return profile;
}

credential credential_from(const json& object) {
  credential c;
  c.kind = object.at("kind").get<std::string>() == "key" ? credential_kind::key : credential_kind::token;
  c.id = object.at("id").get<std::string>();
  c.name = object.at("name").get<std::string>();
  get_optional(object, "email", c.email);
  for (const auto& text : object.at("scopes"))
    // A scope of a later version gives no right in this one.
    if (const auto scope = parse_credential_scope(text.get<std::string>()))
      c.scopes.push_back(*scope);
  c.account = domain::account_id{object.at("account").get<std::uint64_t>()};
  c.accounts = object.at("accounts").get<std::vector<std::string>>();
  get_optional(object, "expires_at", c.expires_at);
  get_optional(object, "last_used", c.last_used);
  c.created = as_time(object.at("created"));
  c.hash = decode_hash(object.at("hash").get<std::string>());
  return c;
}

} // namespace

std::string encode_account(const account_profile& profile) {
  json object{{"id", profile.id},
              {"number", domain::raw(profile.number)},
              {"name", profile.name},
              {"state", to_string(profile.state)},
              {"labels", profile.labels},
              {"created", as_number(profile.created)},
              {"updated", as_number(profile.updated)}};
  if (profile.limits.windows)
    object["windows"] = encode_windows(*profile.limits.windows);
  put_optional(object, "backlog_records", profile.limits.backlog_records);
  put_optional(object, "backlog_seconds", profile.limits.backlog_seconds);
  put_optional(object, "max_subscriptions", profile.limits.max_subscriptions);
  return framed(account_format, std::move(object));
}

std::optional<account_profile> decode_account(std::string_view value) {
  try {
    const auto object = unframed(account_format, value);
    return object ? std::optional{account_from(*object)} : std::nullopt;
  } catch (
      const std::exception&) { // of json and of the conversions above: the value is not what it should be
    return std::nullopt;
  }
}

std::string encode_credential(const credential& c) {
  auto scopes = json::array();
  for (const auto scope : c.scopes)
    scopes.push_back(to_string(scope));
  json object{{"kind", c.kind == credential_kind::key ? "key" : "token"},
              {"id", c.id},
              {"name", c.name},
              {"scopes", std::move(scopes)},
              {"account", domain::raw(c.account)},
              {"accounts", c.accounts},
              {"created", as_number(c.created)},
              {"hash", encode_hash(c.hash)}};
  put_optional(object, "email", c.email);
  if (c.expires_at)
    object["expires_at"] = as_number(*c.expires_at);
  if (c.last_used)
    object["last_used"] = as_number(*c.last_used);
  return framed(credential_format, std::move(object));
}

std::optional<credential> decode_credential(std::string_view value) {
  try {
    const auto object = unframed(credential_format, value);
    return object ? std::optional{credential_from(*object)} : std::nullopt;
  } catch (const std::exception&) { // as above
    return std::nullopt;
  }
}

} // namespace carillon::storage
