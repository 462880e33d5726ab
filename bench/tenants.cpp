#include "bench/tenants.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <future>

namespace carillon::bench {

namespace {

using nlohmann::json;

/// The largest that the API takes.
constexpr int window_count = 1'000'000;
/// Accounts are made in so many threads, so that they share commits.
constexpr std::size_t makers = 8;

struct tenant {
  std::string name, path;  ///< "/v1/accounts/" and the name
  std::string key, key_id; ///< of scope `account`
};

tenant make_tenant(const node& on, const std::string& name, const tenant_wish& wish) {
  json account = json::object();
  if (wish.own_limits)
    account = {
        {"limits", {{{"count", window_count}, {"seconds", 60}}, {{"count", window_count}, {"seconds", 600}}}},
        {"backlog", {{"records", wish.backlog}}}};
  tenant made{name, "/v1/accounts/" + name, {}, {}};
  on.call("PUT", made.path, account.dump());
  const auto key = json::parse(on.call("POST", made.path + "/keys", R"({"name":"bench","scope":"account"})"));
  made.key = key.at("secret").get<std::string>();
  made.key_id = key.at("id").get<std::string>();
  return made;
}

/// Subscriptions to all that the generator doesn't post, over and over.
void add_others(const node& on, const tenant& who, const std::string& target, std::size_t count) {
  constexpr std::array<const char*, 6> types{"lead", "company", "opportunity", "project", "task", "person"};
  constexpr std::array<const char*, 3> events{"new", "delete", "update"};
  for (std::size_t i = 0; i < count; ++i) {
    const auto type = i % types.size();
    // "person" and "update" is what the generator posts.
    const auto event = i / types.size() % (type + 1 == types.size() ? 2 : events.size());
    const json other = {{"target", target}, {"type", types[type]}, {"event", events[event]}};
    on.call_copper(who.key, "POST", "/developer_api/v1/webhooks", other.dump());
  }
}

void make_copper_tenant(const node& on, const std::string& name, const std::string& target,
                        const tenant_wish& wish) {
  const json subscription = {{"target", target}, {"type", "person"}, {"event", "update"}};
  const auto who = make_tenant(on, name, wish);
  const auto made =
      json::parse(on.call_copper(who.key, "POST", "/developer_api/v1/webhooks", subscription.dump()));
  if (wish.how == sending::paused)
    on.call("PATCH", who.path + "/subscriptions/" + std::to_string(made.at("id").get<std::uint64_t>()),
            R"({"status":"paused"})");
  add_others(on, who, target, wish.others);
}

} // namespace

std::vector<std::string> make_tenants(const node& on, std::size_t count, const std::string& prefix,
                                      const std::string& target, const tenant_wish& wish) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(prefix + std::to_string(i));
  std::vector<std::future<void>> done;
  for (std::size_t first = 0; first < makers; ++first)
    done.push_back(std::async(std::launch::async, [&, first] {
      for (auto i = first; i < count; i += makers)
        make_copper_tenant(on, names[i], target, wish);
    }));
  for (auto& one : done)
    one.get();
  return names;
}

std::vector<std::string> make_pipeliner_tenants(const node& on, std::size_t count, const std::string& prefix,
                                                const std::vector<webhook_wish>& wishes) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    const auto who = make_tenant(on, prefix + std::to_string(i), {});
    for (const auto& wish : wishes) {
      const json webhook = {{"url", wish.url},
                            {"insecure_ssl", false},
                            {"events", json::parse(wish.events)},
                            {"options", json::parse(wish.options)}};
      on.call_pipeliner(who.key_id, who.key, "POST",
                        "/api/v100/rest/spaces/" + who.name + "/entities/Webhooks", webhook.dump());
    }
    names.push_back(who.name);
  }
  return names;
}

std::uint64_t subscription_of(const node& on, const std::string& account) {
  const auto listed = json::parse(on.call("GET", "/v1/accounts/" + account + "/subscriptions"));
  return std::stoull(listed.at("data").at(0).at("id").get<std::string>());
}

std::set<std::uint64_t> unknown_in(const node& on, const std::string& account) {
  std::set<std::uint64_t> found;
  for (std::string after;;) {
    const auto page =
        json::parse(on.call("GET", "/v1/accounts/" + account + "/missed?limit=500" + after));
    if (page.at("data").empty())
      return found;
    for (const auto& n : page.at("data"))
      if (n.at("state") == "unknown")
        for (const auto& record : n.at("records"))
          found.insert(std::stoull(record.get<std::string>()));
    after = "&after=" + page.at("next").get<std::string>();
  }
}

std::uint64_t pending_in(const node& on, const std::vector<std::string>& accounts) {
  std::uint64_t pending = 0;
  for (const auto& name : accounts)
    pending += json::parse(on.call("GET", "/v1/accounts/" + name + "/usage"))
                   .at("pending")
                   .at("notifications")
                   .get<std::uint64_t>();
  return pending;
}

} // namespace carillon::bench
