#include "bench/tenants.hpp"

#include <nlohmann/json.hpp>

#include <thread>

namespace carillon::bench {

namespace {

using nlohmann::json;

/// The largest that the API takes.
constexpr int window_count = 1'000'000;
constexpr int backlog_records = 10'000'000;

} // namespace

std::vector<std::string> make_tenants(const node& on, std::size_t count, const std::string& prefix,
                                      const std::string& target, sending how) {
  const json account = {
      {"limits", {{{"count", window_count}, {"seconds", 60}}, {{"count", window_count}, {"seconds", 600}}}},
      {"backlog", {{"records", backlog_records}}}};
  const json subscription = {{"target", target}, {"type", "person"}, {"event", "update"}};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = prefix + std::to_string(i);
    const auto path = "/v1/accounts/" + name;
    on.call("PUT", path, account.dump());
    const auto key = json::parse(on.call("POST", path + "/keys", R"({"name":"bench","scope":"account"})"));
    const auto made = json::parse(on.call_copper(key.at("secret").get<std::string>(), "POST",
                                                 "/developer_api/v1/webhooks", subscription.dump()));
    if (how == sending::paused)
      on.call("PATCH", path + "/subscriptions/" + std::to_string(made.at("id").get<std::uint64_t>()),
              R"({"status":"paused"})");
    names.push_back(name);
  }
  return names;
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
