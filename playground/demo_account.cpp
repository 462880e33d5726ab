#include "playground/demo_account.hpp"

#include "crypto/base64.hpp"
#include "playground/demo_subscriptions.hpp"

#include <nlohmann/json.hpp>

#include <utility>
#include <vector>

namespace carillon::playground {

namespace {

using nlohmann::json;

const std::string account_path = "/v1/accounts/" + std::string{demo_account_id};

/// The key that an earlier start kept, while the node still takes it; else a new one, kept. A folder of a
/// version that kept no ids gets a new one, too.
void use_account_key(demo_client& client, const demo_folder& folder, demo_access& access) {
  constexpr auto id_file = "account-key-id";
  constexpr auto secret_file = "account-key";
  access.account_key_id = folder.read(id_file);
  access.account_key = folder.read(secret_file);
  const auto entities =
      "/api/v100/rest/spaces/" + std::string{demo_account_id} + "/entities/Webhooks?first=1";
  if (!access.account_key_id.empty() && client.call("GET", entities, access.as_pipeliner()).status == 200)
    return;
  const json key{{"name", "playground"}, {"scope", "account"}};
  const auto answer = client.call("POST", account_path + "/keys", access.as_admin(), key.dump());
  const auto made = json::parse(answer.expect({201}, "make a key"));
  access.account_key_id = made.at("id").get<std::string>();
  access.account_key = made.at("secret").get<std::string>();
  folder.write(secret_file, access.account_key);
  folder.write(id_file, access.account_key_id);
}

/// Likewise the token that posts events.
void use_ingest_token(demo_client& client, const demo_folder& folder, demo_access& access) {
  constexpr auto file = "ingest-token";
  access.ingest_token = folder.read(file);
  const json event{{"entity", "Contact"}, {"action", "Create"}, {"record_id", 1}};
  if (!access.ingest_token.empty() &&
      client.call("POST", account_path + "/events/explain", access.as_saas(), event.dump()).status == 200)
    return;
  const json token{{"name", "playground"},
                   {"scopes", json::array({"ingest"})},
                   {"accounts", json::array({demo_account_id})}};
  const auto answer = client.call("POST", "/v1/tokens", access.as_admin(), token.dump());
  const auto made = json::parse(answer.expect({201}, "make a token"));
  access.ingest_token = made.at("token").get<std::string>();
  folder.write(file, access.ingest_token);
}

} // namespace

demo_headers demo_access::as_admin() const {
  return {{"Authorization", "Bearer " + admin_token}};
}
demo_headers demo_access::as_saas() const {
  return {{"Authorization", "Bearer " + ingest_token}};
}
demo_headers demo_access::as_account() const {
  return {{"Authorization", "Bearer " + account_key}};
}
demo_headers demo_access::as_copper() const {
  return {{"X-PW-AccessToken", account_key},
          {"X-PW-Application", "developer_api"},
          {"X-PW-UserEmail", "demo@example.com"}};
}
demo_headers demo_access::as_pipeliner() const {
  return {{"Authorization", "Basic " + crypto::base64_encode(account_key_id + ":" + account_key)}};
}

demo_access set_up_demo_account(demo_client& client, const demo_folder& folder, const std::string& url,
                                const std::string& admin_token, const demo_inbox& inbox) {
  demo_access access;
  access.url = url;
  access.admin_token = admin_token;
  access.signing_secret = folder.signing_secret();
  access.pipeliner_signature = folder.pipeliner_signature();
  if (client.call("GET", account_path, access.as_admin()).status == 404) {
    const json limit{{"count", demo_limit_count}, {"seconds", demo_limit_seconds}};
    const json account{{"name", "Demo CRM"}, {"limits", json::array({limit})}};
    client.call("PUT", account_path, access.as_admin(), account.dump())
        .expect({200, 201}, "make the account");
  }
  use_account_key(client, folder, access);
  use_ingest_token(client, folder, access);
  set_up_subscriptions(client, access, inbox);
  return access;
}

void write_environment(const demo_folder& folder, const demo_access& access, const demo_inbox& inbox) {
  // Names without the prefix CARILLON_: in the environment of a node those are settings.
  const std::vector<std::pair<std::string_view, std::string>> variables{
      {"CARILLON", access.url},
      {"ADMIN_TOKEN", access.admin_token},
      {"INGEST_TOKEN", access.ingest_token},
      {"ACCOUNT_KEY", access.account_key},
      {"ACCOUNT_KEY_ID", access.account_key_id},
      {"SIGNING_SECRET", access.signing_secret},
      {"INBOX", inbox.url},
      {"INBOX_CA", inbox.authority}};
  std::string text = "# Of the running playground; read it into a shell with: . " +
                     shell_quoted(std::filesystem::absolute(folder.file("env")).string()) + "\n";
  for (const auto& [name, value] : variables)
    text += "export " + std::string{name} + "=" + shell_quoted(value) + "\n";
  text.pop_back();
  folder.write("env", text);
}

std::string example_commands(const demo_folder& folder, const demo_inbox& inbox) {
  const auto env = folder.file("env").string();
  return "In another shell, here (or paste the values from " + env + "):\n\n  . " +
         (env.starts_with('/') || env.starts_with('.') ? "" : "./") + env + R"(

Post an event; "mailing-list" above gets it:

  curl -sS "$CARILLON/v1/accounts/demo/events" \
    -H "Authorization: Bearer $INGEST_TOKEN" -H "Content-Type: application/json" \
    -d '{"entity":"Contact","action":"Create","record_id":4711,"record":{"name":"Ada"}}'

Register a subscription of your own, at the inbox (or give any https URL of yours), then post again:

  curl -sS "$CARILLON/developer_api/v1/webhooks" \
    -H "X-PW-AccessToken: $ACCOUNT_KEY" -H "X-PW-Application: developer_api" \
    -H "X-PW-UserEmail: you@example.com" -H "Content-Type: application/json" \
    -d '{"target":")" +
         inbox.url + R"(/ok/mine","type":"person","event":"new"}'

Or with Pipeliner's API:

  curl -sS "$CARILLON/api/v100/rest/spaces/demo/entities/Webhooks" \
    -u "$ACCOUNT_KEY_ID:$ACCOUNT_KEY" -H "Content-Type: application/json" \
    -d '{"url":")" +
         inbox.url + R"(/ok/mine-too","events":["Contact.Create"],"insecure_ssl":false,"options":{}}'

See what arrived there, and what was not delivered:

  curl -sS --cacert "$INBOX_CA" "$INBOX/inbox/mine"
  curl -sS -H "Authorization: Bearer $ACCOUNT_KEY" "$CARILLON/v1/accounts/demo/missed"
)";
}

} // namespace carillon::playground
