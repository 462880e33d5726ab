#include "playground/demo_console.hpp"

#include "domain/rfc3339.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>

namespace carillon::playground {

namespace {

using nlohmann::json;

/// From here on a line says that the notification had to wait: a second is far above a warm path's
/// milliseconds.
constexpr std::chrono::milliseconds long_wait{1'000};

std::string clock_time(domain::wall_time at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(std::chrono::system_clock::to_time_t(seconds)),
                     (at - seconds).count());
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{"?"};
}

std::string count_of(std::size_t count, std::string_view what) {
  return std::to_string(count) + ' ' + std::string{what} + (count == 1 ? "" : "s");
}

void write(std::string line) {
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

std::string signature_note(const arrival& entry) {
  if (entry.field("webhook-signature").empty())
    return "unsigned";
  return entry.signature == signature_state::invalid ? "signed with another secret" : "signed";
}

/// The last part of the path, by which the demo's subscriptions are called.
std::string name_of(const arrival& entry) {
  return entry.path.substr(entry.path.rfind('/') + 1);
}

/// What a line tells of a body.
struct notification_summary {
  std::string what;
  std::string count;
  std::string accepted; ///< when the node had accepted the event
  std::string note;     ///< further, each with a comma before it
  bool delayed = false; ///< as its subscription asked
};

notification_summary summary_of_copper(const json& body) {
  return {text_of(body, "type") + " " + text_of(body, "event"),
          count_of(body.at("ids").size(), "record"),
          text_of(body, "timestamp"),
          {}};
}

/// Items of several events share a body when they waited together: the first one's is told, as the oldest.
notification_summary summary_of_pipeliner(const json& body) {
  const auto& item = body.front();
  notification_summary result{
      text_of(item, "event"), count_of(body.size(), "item"), text_of(item, "event_time"), {}};
  static const json::json_pointer owner{"/entity/owner"};
  if (body.size() == 1 && item.contains(owner) && item.at(owner).is_object())
    result.note += ", owner " + text_of(item.at(owner), "name");
  static const json::json_pointer delay{"/webhook/options/chunk_delay"};
  if (item.contains(delay) && item.at(delay).is_number_unsigned() && item.at(delay) > 0) {
    result.delayed = true;
    result.note += ", chunk_delay " + item.at(delay).dump();
  }
  return result;
}

std::optional<notification_summary> summary_of(const json& body) {
  if (body.is_object() && body.contains("subscription_id") && body.contains("ids"))
    return summary_of_copper(body);
  if (body.is_array() && !body.empty() && body.front().is_object() && body.front().contains("entity"))
    return summary_of_pipeliner(body);
  return std::nullopt;
}

} // namespace

std::string arrival_line(const arrival& entry) {
  const auto name = name_of(entry);
  const auto answer = entry.status == 0 ? std::string{"hung up"} : std::to_string(entry.status);
  const auto told = summary_of(json::parse(entry.body, nullptr, false));
  if (!told)
    return fmt::format("  {}  {:<16} {} bytes -> {}", clock_time(entry.received_at), name, entry.body.size(),
                       answer);
  std::string latency = "?";
  std::string note = signature_note(entry);
  if (!entry.field("webhook-test").empty())
    note += ", a test";
  note += told->note;
  if (const auto accepted = domain::parse_rfc3339(told->accepted)) {
    const auto took = std::max(entry.received_at - *accepted, std::chrono::milliseconds{0});
    latency = std::to_string(took.count());
    if (took >= long_wait && !told->delayed)
      note += ", waited its turn";
  }
  return fmt::format("  {}  {:<16} {:<18} {:>10} {:>7} ms -> {} ({})", clock_time(entry.received_at), name,
                     told->what, told->count, latency, answer, note);
}

std::string missed_line(const std::string& entry, std::string_view name) {
  const auto row = json::parse(entry, nullptr, false);
  if (!row.is_object())
    return "  missed feed: " + entry;
  std::string why;
  if (const auto code = row.find("status_code"); code != row.end() && code->is_number())
    why = "answered " + std::to_string(code->get<int>());
  if (const auto error = row.find("error"); error != row.end() && error->is_object())
    why = text_of(*error, "class") + ": " + text_of(*error, "detail");
  std::string records;
  if (const auto list = row.find("records"); list != row.end() && list->is_array())
    for (const auto& one : *list)
      records += (records.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
  const auto ended = domain::parse_rfc3339(text_of(row, "ended_at"));
  return fmt::format("  {}  {:<16} missed feed: {} ({}), record {}", ended ? clock_time(*ended) : "?", name,
                     text_of(row, "state"), why, records);
}

void demo_console::say(std::string_view text) {
  const std::lock_guard lock{mutex_};
  write(std::string{text});
}

void demo_console::tell_arrival(const arrival& entry) {
  auto line = arrival_line(entry);
  const std::lock_guard lock{mutex_};
  ++arrivals_[name_of(entry)];
  write(std::move(line));
}

void demo_console::tell_missed(const std::string& entry, std::string_view name) {
  auto line = missed_line(entry, name);
  const std::lock_guard lock{mutex_};
  ++missed_;
  write(std::move(line));
}

std::uint64_t demo_console::arrivals(std::string_view name) const {
  const std::lock_guard lock{mutex_};
  const auto found = arrivals_.find(name);
  return found == arrivals_.end() ? 0 : found->second;
}

std::uint64_t demo_console::missed() const {
  const std::lock_guard lock{mutex_};
  return missed_;
}

} // namespace carillon::playground
