#include "config/keys.hpp"

#include "config/text_value.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace carillon::config {

namespace {

using std::chrono::milliseconds;

enum class effect : std::uint8_t { restart, reload };

const std::string* as_text(const raw_value& raw) {
  return std::get_if<std::string>(&raw);
}

std::optional<std::vector<std::string>> as_list(const raw_value& raw) {
  if (const auto* text = as_text(raw))
    return parse_list(*text);
  return std::get<std::vector<std::string>>(raw);
}

std::string show_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items)
    out += (out.size() > 1 ? ", " : "") + quote(item);
  return out + "]";
}

// Each of these makes a key of one kind of value. `member` is a generic lambda from `settings` to the member.

template <class Member>
key duration_key(std::string name, effect when, Member member, milliseconds least, milliseconds most) {
  auto allowed = "a duration from " + format_duration(least) + " to " + format_duration(most) +
                 " with its unit (ms, s, min, h, d)";
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    const auto value = text ? parse_duration(*text) : std::nullopt;
    if (!value || *value < least || *value > most)
      return false;
    member(into) = *value;
    return true;
  };
  auto show = [=](const settings& from) {
    auto text = format_duration(member(from));
    // The file's syntax knows no days: they go into quotes.
    return text.back() == 'd' ? quote(text) : text;
  };
  return {std::move(name), std::move(allowed), when == effect::reload, std::move(set), std::move(show)};
}

template <class Member>
key count_key(std::string name, effect when, Member member, std::uint32_t least, std::uint32_t most) {
  auto allowed = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    const auto value = text ? parse_count(*text) : std::nullopt;
    if (!value || *value < least || *value > most)
      return false;
    member(into) = static_cast<std::uint32_t>(*value);
    return true;
  };
  auto show = [=](const settings& from) { return std::to_string(member(from)); };
  return {std::move(name), std::move(allowed), when == effect::reload, std::move(set), std::move(show)};
}

template <class Member>
key size_key(std::string name, effect when, Member member, std::uint64_t least, std::uint64_t most) {
  auto allowed = "a size from " + format_size(least) + " to " + format_size(most) +
                 " in bytes or with a unit (KiB, MiB, GiB, TiB)";
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    const auto value = text ? parse_size(*text) : std::nullopt;
    if (!value || *value < least || *value > most)
      return false;
    member(into) = *value;
    return true;
  };
  auto show = [=](const settings& from) {
    auto text = format_size(member(from));
    return text.back() == 'B' ? quote(text) : text;
  };
  return {std::move(name), std::move(allowed), when == effect::reload, std::move(set), std::move(show)};
}

template <class Member>
key text_key(std::string name, std::string allowed, effect when, Member member,
             bool (*accepts)(std::string_view)) {
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    if (!text || text->find('\0') != std::string::npos || !accepts(*text))
      return false;
    member(into) = *text;
    return true;
  };
  auto show = [=](const settings& from) { return quote(member(from)); };
  return {std::move(name), std::move(allowed), when == effect::reload, std::move(set), std::move(show)};
}

bool anything(std::string_view) {
  return true;
}
bool not_empty(std::string_view text) {
  return !text.empty();
}
template <bool (*accepts)(std::string_view)>
bool empty_or(std::string_view text) {
  return text.empty() || accepts(text);
}
bool is_endpoint(std::string_view text) {
  return parse_endpoint(text).has_value();
}

/// The path of a file, or empty for none.
template <class Member>
key file_key(std::string name, effect when, Member member) {
  return text_key(std::move(name), "the path of a readable file", when, member, anything);
}

template <class Member>
key list_key(std::string name, std::string allowed, effect when, Member member, std::size_t least,
             std::size_t most, bool (*accepts)(std::string_view)) {
  auto set = [=](settings& into, const raw_value& raw) {
    auto items = as_list(raw);
    if (!items || items->size() < least || items->size() > most || !std::ranges::all_of(*items, accepts))
      return false;
    member(into) = std::move(*items);
    return true;
  };
  auto show = [=](const settings& from) { return show_list(member(from)); };
  return {std::move(name), std::move(allowed), when == effect::reload, std::move(set), std::move(show)};
}

template <class Member>
key cidr_list_key(std::string name, effect when, Member member) {
  return list_key(std::move(name),
                  "a list of networks such as [\"10.0.0.0/8\", \"fd00::/8\"], bits beyond the prefix zero",
                  when, member, 0, std::numeric_limits<std::size_t>::max(), is_network);
}

template <class Member>
key listen_key(std::string name, Member member, std::size_t least) {
  return list_key(std::move(name),
                  "a list of at most " + std::to_string(defaults::http_max_listeners) +
                      " IP addresses with a port, such as [\"127.0.0.1:8080\", \"[::1]:8080\"]",
                  effect::restart, member, least, defaults::http_max_listeners, is_listen_address);
}

template <class Member>
key bool_key(std::string name, effect when, Member member) {
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    const auto value = text ? parse_bool(*text) : std::nullopt;
    if (value)
      member(into) = *value;
    return value.has_value();
  };
  auto show = [=](const settings& from) { return std::string{member(from) ? "true" : "false"}; };
  return {std::move(name), "true or false", when == effect::reload, std::move(set), std::move(show)};
}

template <class Enum>
using words = std::vector<std::pair<std::string_view, Enum>>;

template <class Enum, class Member>
key word_key(std::string name, effect when, Member member, words<Enum> known) {
  std::string allowed;
  for (const auto& [word, value] : known)
    allowed += (allowed.empty() ? "" : ", ") + std::string{word};
  auto set = [=](settings& into, const raw_value& raw) {
    const auto* text = as_text(raw);
    const auto match =
        std::ranges::find_if(known, [&](const auto& entry) { return text && entry.first == *text; });
    if (match == known.end())
      return false;
    member(into) = match->second;
    return true;
  };
  auto show = [=](const settings& from) {
    const auto match = std::ranges::find(known, member(from), &std::pair<std::string_view, Enum>::second);
    return quote(match->first);
  };
  return {std::move(name), "one of " + allowed, when == effect::reload, std::move(set), std::move(show)};
}

key ports_key() {
  auto set = [](settings& into, const raw_value& raw) {
    const auto items = as_list(raw);
    if (!items)
      return false;
    std::vector<std::uint16_t> ports;
    for (const auto& item : *items) {
      const auto port = parse_count(item);
      if (!port || *port == 0 || *port > 65'535)
        return false;
      ports.push_back(static_cast<std::uint16_t>(*port));
    }
    into.egress.ports = std::move(ports);
    return true;
  };
  auto show = [](const settings& from) {
    std::string out = "[";
    for (const auto port : from.egress.ports)
      out += (out.size() > 1 ? ", " : "") + std::to_string(port);
    return out + "]";
  };
  return {"egress.ports", "a list of ports from 1 to 65535, such as [443, 8443]; empty for any", true, set,
          show};
}

bool acceptable(const window_setting& window) {
  return window.count <= defaults::limits_max_window_count && window.length <= defaults::limits_max_window;
}

key windows_key() {
  auto set = [](settings& into, const raw_value& raw) {
    const auto items = as_list(raw);
    if (!items || items->empty() || items->size() > defaults::limits_max_windows)
      return false;
    std::vector<window_setting> windows;
    for (const auto& item : *items) {
      const auto window = parse_window(item);
      if (!window || !acceptable(*window))
        return false;
      windows.push_back(*window);
    }
    into.limits.windows = std::move(windows);
    return true;
  };
  auto show = [](const settings& from) {
    std::vector<std::string> items;
    for (const auto& window : from.limits.windows)
      items.push_back(format_window(window));
    return show_list(items);
  };
  auto allowed = "1 to " + std::to_string(defaults::limits_max_windows) +
                 " windows such as [\"600/60s\", \"1800/600s\"]: a count from 1 to " +
                 std::to_string(defaults::limits_max_window_count) + ", whole seconds up to " +
                 std::to_string(defaults::limits_max_window.count()) + "s";
  return {"limits.windows", std::move(allowed), true, set, show};
}

#define MEMBER(path)                                                                                         \
  [](auto& s) -> auto& {                                                                                     \
    return s.path;                                                                                           \
  }

std::vector<key> make_keys() {
  namespace d = defaults;
  constexpr auto restart = effect::restart;
  constexpr auto reload = effect::reload;
  constexpr auto any_count = std::numeric_limits<std::uint32_t>::max();
  constexpr milliseconds zero{0};
  constexpr milliseconds tick{1};
  const words<log_format> formats{
      {"auto", log_format::automatic}, {"text", log_format::text}, {"json", log_format::json}};
  const words<log_level> levels{{"trace", log_level::trace},  {"debug", log_level::debug},
                                {"info", log_level::info},    {"warning", log_level::warning},
                                {"warn", log_level::warning}, {"error", log_level::error}};
  return {
      listen_key("http.listen", MEMBER(http.listen), 1),
      listen_key("http.admin-listen", MEMBER(http.admin_listen), 0),
      file_key("http.tls-certificate", restart, MEMBER(http.tls_certificate)),
      file_key("http.tls-key", restart, MEMBER(http.tls_key)),
      cidr_list_key("http.trusted-proxies", restart, MEMBER(http.trusted_proxies)),
      count_key("http.max-connections", restart, MEMBER(http.max_connections), 1, 1'000'000),
      duration_key("http.header-timeout", restart, MEMBER(http.header_timeout), tick, d::longest_interval),
      duration_key("http.body-timeout", restart, MEMBER(http.body_timeout), tick, d::longest_interval),

      text_key("storage.directory", "the path of a folder on a local file system", restart,
               MEMBER(storage.directory), not_empty),
      size_key("storage.map-size", restart, MEMBER(storage.map_size), d::storage_min_map_size,
               d::storage_max_map_size),

      file_key("auth.admin-token-file", reload, MEMBER(auth.admin_token_file)),
      file_key("auth.master-key-file", reload, MEMBER(auth.master_key_file)),

      cidr_list_key("egress.allow", reload, MEMBER(egress.allow)),
      cidr_list_key("egress.deny", reload, MEMBER(egress.deny)),
      ports_key(),
      file_key("egress.ca-file", reload, MEMBER(egress.ca_file)),
      bool_key("egress.allow-insecure-ssl", reload, MEMBER(egress.allow_insecure_ssl)),

      duration_key("delivery.timeout", restart, MEMBER(delivery.timeout), tick, d::delivery_max_timeout),
      duration_key("delivery.connect-timeout", restart, MEMBER(delivery.connect_timeout), tick,
                   d::delivery_max_timeout),
      count_key("delivery.per-account", restart, MEMBER(delivery.per_account), 1, any_count),
      count_key("delivery.per-subscription", restart, MEMBER(delivery.per_subscription), 1, any_count),
      count_key("delivery.per-origin", restart, MEMBER(delivery.per_origin), 1, any_count),
      count_key("delivery.total", restart, MEMBER(delivery.total), 1, any_count),
      count_key("delivery.suspend-after-failures", restart, MEMBER(delivery.suspend_after_failures), 1,
                any_count),
      duration_key("delivery.suspend-after", restart, MEMBER(delivery.suspend_after), zero, d::retention_max),
      duration_key("delivery.probe-interval", restart, MEMBER(delivery.probe_interval), tick,
                   d::longest_interval),

      count_key("ingest.max-events", restart, MEMBER(ingest.max_events), 1, d::ingest_largest_count),
      size_key("ingest.max-body", restart, MEMBER(ingest.max_body), 1, d::ingest_largest_max_body),
      count_key("ingest.max-records", restart, MEMBER(ingest.max_records), 1, d::ingest_largest_count),

      windows_key(),
      count_key("limits.backlog-records", reload, MEMBER(limits.backlog_records), 1,
                d::limits_largest_backlog_records),
      size_key("limits.backlog-bytes", reload, MEMBER(limits.backlog_bytes), 1, d::storage_max_map_size),
      duration_key("limits.backlog-age", reload, MEMBER(limits.backlog_age), tick, d::retention_max),
      count_key("limits.subscriptions", reload, MEMBER(limits.subscriptions), 1,
                d::limits_largest_subscriptions),

      duration_key("retention.missed", restart, MEMBER(retention.missed), tick, d::retention_max),
      duration_key("retention.log", restart, MEMBER(retention.log), tick, d::retention_max),
      duration_key("retention.bodies", restart, MEMBER(retention.bodies), tick, d::retention_max),
      duration_key("retention.idempotency", restart, MEMBER(retention.idempotency), tick, d::retention_max),

      count_key("process.threads", restart, MEMBER(process.threads), 1, d::process_max_threads),

      duration_key("shutdown.delay", restart, MEMBER(shutdown.delay), zero, d::shutdown_max),
      duration_key("shutdown.timeout", restart, MEMBER(shutdown.timeout), zero, d::shutdown_max),

      word_key<log_format>("log.format", restart, MEMBER(log.format), formats),
      word_key<log_level>("log.level", reload, MEMBER(log.level), levels),

      text_key("cluster.name",
               "up to " + std::to_string(d::cluster_longest_name) +
                   " lower-case letters, digits and hyphens, not beginning with a hyphen; empty for a node alone",
               restart, MEMBER(cluster.name), empty_or<is_cluster_name>),
      list_key("cluster.etcd",
               "a list of at most " + std::to_string(d::cluster_most_endpoints) +
                   " etcd endpoints, such as [\"https://etcd-1.example:2379\"]",
               restart, MEMBER(cluster.etcd), 0, d::cluster_most_endpoints, is_endpoint),
      text_key("cluster.listen", "an IP address with a port, such as 10.0.0.1:7946", restart,
               MEMBER(cluster.listen), empty_or<is_listen_address>),
      text_key("cluster.advertise",
               "a host with a port, such as node-1.example:7946; empty for cluster.listen", restart,
               MEMBER(cluster.advertise), empty_or<is_host_and_port>),
      file_key("cluster.certificate", restart, MEMBER(cluster.certificate)),
      file_key("cluster.key", restart, MEMBER(cluster.key)),
      file_key("cluster.ca", restart, MEMBER(cluster.ca)),
      count_key("cluster.replicas", restart, MEMBER(cluster.replicas), 1, d::cluster_most_replicas),
      count_key("cluster.min-replicas", restart, MEMBER(cluster.min_replicas), 1, d::cluster_most_replicas),
  };
}

#undef MEMBER

} // namespace

std::span<const key> all_keys() {
  static const std::vector<key> keys = make_keys();
  return keys;
}

const key* find_key(std::string_view name) {
  const auto keys = all_keys();
  const auto found = std::ranges::find(keys, name, &key::name);
  return found == keys.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view key_name) {
  std::string out = "CARILLON_";
  for (const auto c : key_name) {
    const bool lower = c >= 'a' && c <= 'z';
    out += lower ? static_cast<char>(c - 'a' + 'A') : '_';
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const auto c : text) {
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += c;
    }
  }
  return out + "\"";
}

} // namespace carillon::config
