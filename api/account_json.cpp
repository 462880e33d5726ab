#include "api/account_json.hpp"

#include "api/json_body.hpp"
#include "api/problem.hpp"
#include "config/defaults.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_write.hpp"
#include "domain/rfc3339.hpp"

namespace carillon::api {

namespace {

namespace defaults = config::defaults;

constexpr std::size_t longest_account_name = 200; ///< bytes; lists are sorted by it, so cursors hold it
constexpr std::size_t most_labels = 32;
constexpr std::size_t longest_label = 64;        ///< bytes of a name
constexpr std::size_t longest_label_value = 256; ///< bytes
constexpr std::uint64_t most_per_window = 1'000'000'000;

void read_limits(object_body& body, object_body::faults& errors, storage::account_limits& limits) {
  const auto list = body.value("limits", domain::json_type::array);
  if (!list)
    return;
  std::vector<domain::limit_window> windows;
  std::size_t index = 0;
  std::string_view element;
  for (domain::array_reader reader{*list}; reader.next(element) && index <= defaults::limits_max_windows;
       ++index) {
    object_body window{element, body.place("limits") + '/' + std::to_string(index), errors};
    window.require("count");
    window.require("seconds");
    const auto count = window.number("count", 1, most_per_window);
    const auto seconds =
        window.number("seconds", 1, static_cast<std::uint64_t>(defaults::limits_max_window.count()));
    window.finish();
    if (count && seconds)
      windows.push_back({static_cast<std::uint32_t>(*count), std::chrono::seconds{*seconds}});
  }
  if (index == 0 || index > defaults::limits_max_windows)
    return body.fault("limits",
                      "must have 1 to " + std::to_string(defaults::limits_max_windows) + " windows");
  limits.windows = std::move(windows);
}

void read_backlog(object_body& body, object_body::faults& errors, const config::settings& settings,
                  storage::account_limits& limits) {
  const auto object = body.value("backlog", domain::json_type::object);
  if (!object)
    return;
  object_body backlog{*object, body.place("backlog"), errors};
  const auto oldest = std::chrono::floor<std::chrono::seconds>(settings.retention.bodies).count();
  if (const auto records = backlog.number("records", 1, defaults::limits_largest_backlog_records))
    limits.backlog_records = static_cast<std::uint32_t>(*records);
  if (const auto seconds = backlog.number("seconds", 1, static_cast<std::uint64_t>(oldest)))
    limits.backlog_seconds = static_cast<std::uint32_t>(*seconds);
  backlog.finish();
}

void read_labels(object_body& body, object_body::faults& errors, std::map<std::string, std::string>& labels) {
  const auto object = body.value("labels", domain::json_type::object);
  if (!object)
    return;
  domain::json_member m;
  for (domain::object_reader reader{*object}; reader.next(m);) {
    auto name = m.name();
    if (domain::type_of(m.value) != domain::json_type::string) {
      auto pointer = body.place("labels");
      domain::append_pointer(pointer, name);
      errors.push_back({std::move(pointer), "must be a string"});
      return;
    }
    auto value = domain::string_value(m.value);
    if (name.empty() || name.size() > longest_label || value.size() > longest_label_value)
      return body.fault("labels", "names are 1 to " + std::to_string(longest_label) +
                                      " bytes, values at most " + std::to_string(longest_label_value));
    labels.emplace(std::move(name), std::move(value));
    if (labels.size() > most_labels)
      return body.fault("labels", "must have at most " + std::to_string(most_labels) + " entries");
  }
}

template <class Number>
void write_optional(domain::object_writer& object, std::string_view name,
                    const std::optional<Number>& value) {
  if (value)
    object.number(name, *value);
  else
    object.null(name);
}

/// A moment of this boot in civil time.
std::string civil(domain::boot_time t, const account::usage_reply& usage) {
  return domain::format_rfc3339(usage.wall + std::chrono::ceil<std::chrono::milliseconds>(t - usage.now));
}

} // namespace

storage::account_profile read_account(std::string_view body, account_id_in where,
                                      const config::settings& settings) {
  object_body::faults errors;
  object_body object{body, "#", errors};
  storage::account_profile profile;
  if (where == account_id_in::body) {
    object.require("id");
    profile.id = object.text("id", 1, 64).value_or("");
    if (!profile.id.empty() && !storage::well_formed_account_name(profile.id))
      object.fault("id", "must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$");
  }
  profile.name = object.text("name", 0, longest_account_name).value_or("");
  if (object.word("state", {"active", "paused"}).value_or("active") == "paused")
    profile.state = storage::account_state::paused;
  read_limits(object, errors, profile.limits);
  read_backlog(object, errors, settings, profile.limits);
  if (const auto most = object.number("max_subscriptions", 0, defaults::limits_largest_subscriptions))
    profile.limits.max_subscriptions = static_cast<std::uint32_t>(*most);
  read_labels(object, errors, profile.labels);
  object.finish();
  throw_faults(errors, "the account");
  return profile;
}

std::string render_account(const storage::account_profile& profile, std::string_view usage) {
  std::string out;
  domain::object_writer object{out};
  object.text("id", profile.id).text("name", profile.name).text("state", to_string(profile.state));
  const auto& limits = profile.limits;
  if (limits.windows) {
    auto& list = object.open("limits");
    list += '[';
    for (std::size_t i = 0; i < limits.windows->size(); ++i) {
      const auto& window = (*limits.windows)[i];
      if (i > 0)
        list += ',';
      domain::object_writer{list}
          .number("count", window.count)
          .number("seconds", static_cast<std::uint64_t>(window.length.count()))
          .close();
    }
    list += ']';
  } else
    object.null("limits");
  domain::object_writer backlog{object.open("backlog")};
  write_optional(backlog, "records", limits.backlog_records);
  write_optional(backlog, "seconds", limits.backlog_seconds);
  backlog.close();
  write_optional(object, "max_subscriptions", limits.max_subscriptions);
  object.pairs("labels", {profile.labels.begin(), profile.labels.end()}, false);
  object.text("created_at", domain::format_rfc3339(profile.created));
  object.text("updated_at", domain::format_rfc3339(profile.updated));
  if (!usage.empty())
    object.raw("usage", usage);
  object.close();
  return out;
}

std::string render_usage(const account::usage_reply& usage, std::uint32_t subscriptions_limit) {
  std::string out;
  domain::object_writer object{out};
  auto& windows = object.open("windows");
  windows += '[';
  for (std::size_t i = 0; i < usage.windows.size(); ++i) {
    const auto& one = usage.windows[i];
    if (i > 0)
      windows += ',';
    domain::object_writer window{windows};
    window.number("count", one.window.count);
    window.number("seconds", static_cast<std::uint64_t>(one.window.length.count())).number("used", one.used);
    if (one.next_free)
      window.text("next_free_at", civil(*one.next_free, usage));
    else
      window.null("next_free_at");
    window.close();
  }
  windows += ']';
  if (usage.next_slot)
    object.text("next_slot_at", civil(*usage.next_slot, usage));
  else
    object.null("next_slot_at");
  domain::object_writer pending{object.open("pending")};
  pending.number("notifications", usage.pending).number("records", usage.pending_records);
  pending.number("bytes", usage.pending_bytes);
  if (usage.oldest_due)
    pending.text("oldest_due_at", domain::format_rfc3339(*usage.oldest_due));
  else
    pending.null("oldest_due_at");
  pending.close();
  object.number("in_flight", usage.in_flight);
  domain::object_writer subscriptions{object.open("subscriptions")};
  subscriptions.number("used", usage.subscriptions).number("limit", subscriptions_limit).close();
  object.close();
  return out;
}

std::uint32_t subscription_limit(const storage::account_profile& profile, const config::settings& settings) {
  return profile.limits.max_subscriptions.value_or(settings.limits.subscriptions);
}

} // namespace carillon::api
