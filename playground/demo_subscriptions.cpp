#include "playground/demo_subscriptions.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace carillon::playground {

namespace {

using nlohmann::json;

/// One subscription of the demo, as its owner registers it with Copper's API.
struct copper_subscription {
  std::string_view path; ///< of the inbox: it chooses the answer
  std::string_view type;
  std::string_view event;
};

constexpr std::array copper_subscriptions{
    copper_subscription{"/ok/mailing-list", "person", "new"},
    copper_subscription{"/ok/phone-book", "person", "update"},
    copper_subscription{"/ok/accounting", "company", "update"},
    copper_subscription{"/ok/sales-board", "opportunity", "update"},
    copper_subscription{"/slow/250/calendar", "task", "new"},
    copper_subscription{"/status/500/broken-importer", "lead", "new"},
    copper_subscription{"/drop/hangs-up", "lead", "delete"},
};

/// Likewise with Pipeliner's.
struct pipeliner_subscription {
  std::string path;
  std::string event;
  json options;
};

const std::vector<pipeliner_subscription>& pipeliner_subscriptions() {
  static const std::vector<pipeliner_subscription> all{
      {"/ok/big-deals",
       "Opportunity.*",
       {{"entity",
         {{"Opportunity",
           {{"filter", {{"status", "Open"}, {"amount", big_deal}}}, {"filter-op", {{"amount", "gte"}}}}}}}}},
      {"/ok/territory",
       "Account.Update",
       {{"entity",
         {{"Account",
           {{"on-field-change", json::array({"owner_id"})}, {"expand", json::array({"owner"})}}}}}}},
      {"/ok/importer",
       "Contact.Update",
       {{"entity", {{"Contact", {{"on-field-change", json::array({"cf_newsletter"})}}}}},
        {"chunk_size", importer_chunk},
        {"chunk_delay", importer_delay}}},
      {"/ok/" + std::string{sync_name}, "Task.Update", {{"skip_keys", json::array({sync_name})}}},
  };
  return all;
}

const std::string native_path = "/v1/accounts/" + std::string{demo_account_id} + "/subscriptions";
const std::string copper_path = "/developer_api/v1/webhooks";
const std::string pipeliner_path =
    "/api/v100/rest/spaces/" + std::string{demo_account_id} + "/entities/Webhooks";

/// A subscription that the account has.
struct present_subscription {
  std::string number;
  std::string pipeliner_id; ///< its UUID; empty: it is one of Copper's
  std::string target;
  bool suspended = false; ///< the demo's endpoints that fail are, once they did so for long

  /// Where its dialect's API has it.
  std::string path() const {
    return pipeliner_id.empty() ? copper_path + "/" + number : pipeliner_path + "/" + pipeliner_id;
  }
};

std::vector<present_subscription> list(demo_client& client, const demo_access& access) {
  const auto answer = client.call("GET", native_path + "?limit=500", access.as_account());
  std::vector<present_subscription> all;
  const auto page = json::parse(answer.expect({200}, "list the subscriptions"));
  for (const auto& one : page.at("data")) {
    const auto pipeliner = one.value("pipeliner", json::object());
    if (!pipeliner.value("is_deleted", false))
      all.push_back({one.at("id").get<std::string>(), pipeliner.value("id", ""),
                     one.at("target").get<std::string>(), one.at("status") == "suspended"});
  }
  return all;
}

/// `target` where the inbox is now, should it point to where it was.
std::string moved(const std::string& target, const demo_inbox& inbox) {
  const bool former = !inbox.former_url.empty() && target.starts_with(inbox.former_url + "/");
  return former ? inbox.url + target.substr(inbox.former_url.size()) : target;
}

bool is_of_the_demo(const std::string& target, const demo_inbox& inbox) {
  const auto has_target = [&](const auto& one) { return target == inbox.url + std::string{one.path}; };
  return std::any_of(copper_subscriptions.begin(), copper_subscriptions.end(), has_target) ||
         std::any_of(pipeliner_subscriptions().begin(), pipeliner_subscriptions().end(), has_target);
}

void remove(demo_client& client, const demo_access& access, const present_subscription& one) {
  const auto as = one.pipeliner_id.empty() ? access.as_copper() : access.as_pipeliner();
  client.call("DELETE", one.path(), as).expect({200}, "remove a subscription");
}

void move(demo_client& client, const demo_access& access, const present_subscription& one,
          const std::string& target) {
  const auto answer =
      one.pipeliner_id.empty()
          ? client.call("PUT", one.path(), access.as_copper(), json{{"target", target}}.dump())
          : client.call("PATCH", one.path(), access.as_pipeliner(), json{{"url", target}}.dump());
  answer.expect({200}, "move a subscription");
}

void subscribe(demo_client& client, const demo_access& access, const copper_subscription& wanted,
               const std::string& target) {
  const json body{{"target", target}, {"type", wanted.type}, {"event", wanted.event}};
  const auto made = client.call("POST", copper_path, access.as_copper(), body.dump());
  const auto id = json::parse(made.expect({200}, "subscribe")).at("id").get<std::int64_t>();
  const json secret{{"secret", access.signing_secret}, {"grace_seconds", 0}};
  client
      .call("POST", native_path + "/" + std::to_string(id) + "/secret/rotate", access.as_account(),
            secret.dump())
      .expect({200}, "set a signing secret");
}

void subscribe(demo_client& client, const demo_access& access, const pipeliner_subscription& wanted,
               const std::string& target) {
  const json body{{"url", target},
                  {"events", json::array({wanted.event})},
                  {"insecure_ssl", false},
                  {"options", wanted.options},
                  {"signature", access.pipeliner_signature}};
  client.call("POST", pipeliner_path, access.as_pipeliner(), body.dump()).expect({201}, "subscribe");
}

} // namespace

void set_up_subscriptions(demo_client& client, const demo_access& access, const demo_inbox& inbox) {
  auto present = list(client, access);
  for (auto& one : present) {
    const auto now = moved(one.target, inbox);
    if (one.suspended && is_of_the_demo(now, inbox)) {
      // It begins anew: what waits for it would flood the scenes.
      remove(client, access, one);
      one.target.clear();
    } else if (now != one.target) {
      move(client, access, one, now);
      one.target = now;
    }
  }
  const auto subscribe_missing = [&](const auto& wanted) {
    for (const auto& one : wanted) {
      const auto target = inbox.url + std::string{one.path};
      if (std::none_of(present.begin(), present.end(), [&](const auto& p) { return p.target == target; }))
        subscribe(client, access, one, target);
    }
  };
  subscribe_missing(copper_subscriptions);
  subscribe_missing(pipeliner_subscriptions());
}

std::map<std::string, std::string> subscription_names(demo_client& client, const demo_access& access) {
  std::map<std::string, std::string> names;
  for (const auto& one : list(client, access))
    names[one.number] = one.target.substr(one.target.rfind('/') + 1);
  return names;
}

} // namespace carillon::playground
