#include "account/subscription_record.hpp"

#include "crypto/base64.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace carillon::account {

using nlohmann::json;

namespace {

json pairs_to_json(const domain::string_pairs& pairs) {
  auto out = json::array();
  for (const auto& [name, value] : pairs)
    out.push_back({name, value});
  return out;
}

domain::string_pairs pairs_from_json(const json& j) {
  domain::string_pairs out;
  for (const auto& pair : j)
    out.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  return out;
}

std::int64_t millis(domain::wall_time t) {
  return t.time_since_epoch().count();
}
domain::wall_time wall(std::int64_t ms) {
  return domain::wall_time{std::chrono::milliseconds{ms}};
}

std::string binding(domain::account_id account, domain::subscription_id id) {
  return "subscription/" + std::to_string(raw(account)) + "/" + std::to_string(raw(id));
}

/// What is sealed: everything a reader of the store must not learn.
json secrets_of(const domain::subscription& s) {
  json out = json::object();
  if (s.copper.secret)
    out["secret"] = pairs_to_json(*s.copper.secret);
  if (s.copper.headers)
    out["headers"] = pairs_to_json(*s.copper.headers);
  if (s.pipeliner.signature)
    out["signature"] = *s.pipeliner.signature;
  if (!s.signing.current.empty())
    out["signing"] = crypto::base64_encode(s.signing.current);
  if (!s.signing.previous.empty())
    out["signing_previous"] = crypto::base64_encode(s.signing.previous);
  return out;
}

void put_secrets(const json& j, domain::subscription& s) {
  if (j.contains("secret"))
    s.copper.secret = pairs_from_json(j["secret"]);
  if (j.contains("headers"))
    s.copper.headers = pairs_from_json(j["headers"]);
  if (j.contains("signature"))
    s.pipeliner.signature = j["signature"].get<std::string>();
  if (j.contains("signing"))
    s.signing.current = crypto::base64_decode(j["signing"].get<std::string>()).value_or("");
  if (j.contains("signing_previous"))
    s.signing.previous = crypto::base64_decode(j["signing_previous"].get<std::string>()).value_or("");
}

} // namespace

std::string encode_subscription(const domain::subscription& s, domain::account_id account,
                                const crypto::key_ring& keys) {
  json j{{"v", 1},
         {"id", raw(s.id)},
         {"revision", s.revision},
         {"dialect", static_cast<int>(s.speaks)},
         {"target", s.target},
         {"insecure_ssl", s.insecure_ssl},
         {"created", millis(s.created)},
         {"modified", millis(s.modified)},
         {"description", s.description},
         {"filter", s.filter},
         {"on_field_change", s.on_field_change},
         {"skip_keys", s.skip_keys},
         {"ordered", s.ordered},
         {"status", static_cast<int>(s.status)},
         {"status_reason", s.status_reason},
         {"status_since", millis(s.status_since)},
         {"consecutive_failures", s.consecutive_failures}};
  if (s.first_failure)
    j["first_failure"] = millis(*s.first_failure);
  if (s.signing.previous_expires)
    j["previous_expires"] = millis(*s.signing.previous_expires);
  if (s.speaks == domain::dialect::copper) {
    j["type"] = s.copper.type;
    j["event"] = s.copper.event;
    if (s.copper.custom_field_computed_values)
      j["custom_field_computed_values"] = *s.copper.custom_field_computed_values;
  } else {
    j["uuid"] = s.pipeliner.uuid;
    j["events"] = s.pipeliner.events;
    j["options"] = s.pipeliner.options;
    j["application_id"] = s.pipeliner.application_id;
    if (s.pipeliner.deleted)
      j["deleted"] = millis(*s.pipeliner.deleted);
  }
  if (const auto secrets = secrets_of(s); !secrets.empty())
    j["sealed"] = crypto::base64_encode(keys.seal(secrets.dump(), binding(account, s.id)));
  return j.dump();
}

domain::subscription decode_subscription(std::string_view value, domain::account_id account,
                                         const crypto::key_ring& keys) {
  const auto j = json::parse(value, nullptr, false);
  if (!j.is_object() || j.value("v", 0) != 1)
    throw std::runtime_error("a stored subscription of account number " + std::to_string(raw(account)) +
                             " is damaged or of a newer format");
  domain::subscription s;
  s.id = domain::subscription_id{j.at("id").get<std::uint64_t>()};
  s.revision = j.at("revision").get<std::uint32_t>();
  s.speaks = static_cast<domain::dialect>(j.at("dialect").get<int>());
  s.target = j.at("target").get<std::string>();
  s.insecure_ssl = j.at("insecure_ssl").get<bool>();
  s.created = wall(j.at("created").get<std::int64_t>());
  s.modified = wall(j.at("modified").get<std::int64_t>());
  s.description = j.at("description").get<std::string>();
  s.filter = j.at("filter").get<std::string>();
  s.on_field_change = j.at("on_field_change").get<std::vector<std::string>>();
  s.skip_keys = j.at("skip_keys").get<std::vector<std::string>>();
  s.ordered = j.at("ordered").get<bool>();
  s.status = static_cast<domain::subscription_status>(j.at("status").get<int>());
  s.status_reason = j.at("status_reason").get<std::string>();
  s.status_since = wall(j.at("status_since").get<std::int64_t>());
  s.consecutive_failures = j.at("consecutive_failures").get<std::uint32_t>();
  if (j.contains("first_failure"))
    s.first_failure = wall(j["first_failure"].get<std::int64_t>());
  if (j.contains("previous_expires"))
    s.signing.previous_expires = wall(j["previous_expires"].get<std::int64_t>());
  if (s.speaks == domain::dialect::copper) {
    s.copper.type = j.at("type").get<std::string>();
    s.copper.event = j.at("event").get<std::string>();
    if (j.contains("custom_field_computed_values"))
      s.copper.custom_field_computed_values = j["custom_field_computed_values"].get<bool>();
  } else {
    s.pipeliner.uuid = j.at("uuid").get<std::string>();
    s.pipeliner.events = j.at("events").get<std::vector<std::string>>();
    s.pipeliner.options = j.at("options").get<std::string>();
    s.pipeliner.application_id = j.at("application_id").get<std::string>();
    if (j.contains("deleted"))
      s.pipeliner.deleted = wall(j["deleted"].get<std::int64_t>());
  }
  if (j.contains("sealed")) {
    const auto sealed = crypto::base64_decode(j["sealed"].get<std::string>()).value_or("");
    const auto opened = keys.open(sealed, binding(account, s.id));
    if (!opened)
      throw std::runtime_error("the secrets of subscription " + std::to_string(raw(s.id)) +
                               " can't be decrypted: is master key \"" +
                               std::string{crypto::key_ring::key_id_of(sealed)} + "\" missing?");
    put_secrets(json::parse(*opened), s);
  }
  return s;
}

} // namespace carillon::account
