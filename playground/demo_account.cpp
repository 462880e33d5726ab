#include "playground/demo_account.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace carillon::playground {

namespace {

using nlohmann::json;

/// One subscription of the demo, as its owner registers it with Copper's API.
struct demo_subscription {
  std::string_view path; ///< of the inbox: it chooses the answer
  std::string_view type;
  std::string_view event;
};

constexpr std::array demo_subscriptions{
    demo_subscription{"/ok/mailing-list", "person", "new"},
    demo_subscription{"/ok/phone-book", "person", "update"},
    demo_subscription{"/ok/accounting", "company", "update"},
    demo_subscription{"/ok/sales-board", "opportunity", "update"},
    demo_subscription{"/slow/250/calendar", "task", "new"},
    demo_subscription{"/status/500/broken-importer", "lead", "new"},
    demo_subscription{"/drop/hangs-up", "lead", "delete"},
};

const std::string account_path = "/v1/accounts/" + std::string{demo_account_id};

json expect(const demo_answer& answer, std::initializer_list<int> wanted, const std::string& what) {
  for (const int status : wanted)
    if (answer.status == status)
      return answer.body.empty() ? json{} : json::parse(answer.body);
  throw std::runtime_error("the playground could not " + what + ": the node answered " +
                           std::to_string(answer.status) + " " + answer.body);
}

/// The secret that an earlier start kept, while the node still takes it; else a new one, kept.
template <class Try, class Make>
std::string kept_secret(const demo_folder& folder, std::string_view name, Try&& works, Make&& make) {
  auto secret = folder.read(name);
  if (!secret.empty() && works(secret))
    return secret;
  secret = make();
  folder.write(name, secret);
  return secret;
}

/// `target` where the inbox is now, should it point to where it was.
std::string moved(const std::string& target, const demo_inbox& inbox) {
  const bool former = !inbox.former_url.empty() && target.starts_with(inbox.former_url + "/");
  return former ? inbox.url + target.substr(inbox.former_url.size()) : target;
}

bool is_of_the_demo(const std::string& target, const demo_inbox& inbox) {
  return std::any_of(demo_subscriptions.begin(), demo_subscriptions.end(),
                     [&](const auto& one) { return target == inbox.url + std::string{one.path}; });
}

/// Whether Carillon suspended it: the demo's endpoints that fail are, once they did so for long.
bool is_suspended(demo_client& client, const demo_access& access, const std::string& id) {
  const auto path = account_path + "/subscriptions/" + id;
  const auto shown = expect(client.call("GET", path, access.as_account()), {200}, "look at a subscription");
  return shown.at("status") == "suspended";
}

void set_up_subscriptions(demo_client& client, const demo_access& access, const demo_inbox& inbox) {
  const std::string webhooks = "/developer_api/v1/webhooks";
  auto present = expect(client.call("GET", webhooks, access.as_copper()), {200}, "list the subscriptions");
  for (auto& one : present) {
    const auto target = one.at("target").get<std::string>();
    const auto now = moved(target, inbox);
    const auto id = std::to_string(one.at("id").get<std::int64_t>());
    if (is_of_the_demo(now, inbox) && is_suspended(client, access, id)) {
      // It begins anew: what waits for it would flood the scenes.
      expect(client.call("DELETE", webhooks + "/" + id, access.as_copper()), {200}, "remove a subscription");
      one = json{{"target", ""}};
    } else if (now != target) {
      one = expect(client.call("PUT", webhooks + "/" + id, access.as_copper(), json{{"target", now}}.dump()),
                   {200}, "move a subscription");
    }
  }
  for (const auto& wanted : demo_subscriptions) {
    const auto target = inbox.url + std::string{wanted.path};
    bool there = false;
    for (const auto& one : present)
      there = there || one.at("target") == target;
    if (there)
      continue;
    const json body{{"target", target}, {"type", wanted.type}, {"event", wanted.event}};
    const auto made =
        expect(client.call("POST", webhooks, access.as_copper(), body.dump()), {200}, "subscribe");
    const auto rotate = account_path + "/subscriptions/" + std::to_string(made.at("id").get<std::int64_t>()) +
                        "/secret/rotate";
    const json secret{{"secret", access.signing_secret}, {"grace_seconds", 0}};
    expect(client.call("POST", rotate, access.as_account(), secret.dump()), {200}, "set a signing secret");
  }
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

demo_access set_up_demo_account(demo_client& client, const demo_folder& folder, const std::string& url,
                                const std::string& admin_token, const demo_inbox& inbox) {
  demo_access access{url, admin_token, {}, {}, folder.signing_secret()};
  if (client.call("GET", account_path, access.as_admin()).status == 404) {
    const json limit{{"count", demo_limit_count}, {"seconds", demo_limit_seconds}};
    const json account{{"name", "Demo CRM"}, {"limits", json::array({limit})}};
    expect(client.call("PUT", account_path, access.as_admin(), account.dump()), {200, 201},
           "make the account");
  }
  access.account_key = kept_secret(
      folder, "account-key",
      [&](const std::string& key) {
        auto tried = access;
        tried.account_key = key;
        return client.call("GET", "/developer_api/v1/users/me", tried.as_copper()).status == 200;
      },
      [&] {
        const json key{{"name", "playground"}, {"scope", "account"}};
        const auto made = expect(client.call("POST", account_path + "/keys", access.as_admin(), key.dump()),
                                 {201}, "make a key");
        return made.at("secret").get<std::string>();
      });
  access.ingest_token = kept_secret(
      folder, "ingest-token",
      [&](const std::string& token) {
        auto tried = access;
        tried.ingest_token = token;
        const json event{{"entity", "Contact"}, {"action", "Create"}, {"record_id", 1}};
        return client.call("POST", account_path + "/events/explain", tried.as_saas(), event.dump()).status ==
               200;
      },
      [&] {
        const json token{{"name", "playground"},
                         {"scopes", json::array({"ingest"})},
                         {"accounts", json::array({demo_account_id})}};
        const auto made =
            expect(client.call("POST", "/v1/tokens", access.as_admin(), token.dump()), {201}, "make a token");
        return made.at("token").get<std::string>();
      });
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

See what arrived there, and what was not delivered:

  curl -sS --cacert "$INBOX_CA" "$INBOX/inbox/mine"
  curl -sS -H "Authorization: Bearer $ACCOUNT_KEY" "$CARILLON/v1/accounts/demo/missed"
)";
}

std::map<std::string, std::string> subscription_names(demo_client& client, const demo_access& access) {
  const auto all = expect(client.call("GET", "/developer_api/v1/webhooks", access.as_copper()), {200},
                          "list the subscriptions");
  std::map<std::string, std::string> names;
  for (const auto& one : all) {
    const auto target = one.at("target").get<std::string>();
    names[std::to_string(one.at("id").get<std::int64_t>())] = target.substr(target.rfind('/') + 1);
  }
  return names;
}

} // namespace carillon::playground
