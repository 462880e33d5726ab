#include "playground/demo_console.hpp"

#include "domain/rfc3339.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>

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

std::string count_of(std::size_t records) {
  return std::to_string(records) + (records == 1 ? " record" : " records");
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

} // namespace

std::string arrival_line(const arrival& entry) {
  const auto name = entry.path.substr(entry.path.rfind('/') + 1);
  const auto answer = entry.status == 0 ? std::string{"hung up"} : std::to_string(entry.status);
  const auto body = json::parse(entry.body, nullptr, false);
  const bool known = body.is_object() && body.contains("subscription_id") && body.contains("ids");
  if (!known)
    return fmt::format("  {}  {:<16} {} bytes -> {}", clock_time(entry.received_at), name, entry.body.size(),
                       answer);
  std::string latency = "?";
  std::string note = signature_note(entry);
  if (!entry.field("webhook-test").empty())
    note += ", a test";
  if (const auto accepted = domain::parse_rfc3339(text_of(body, "timestamp"))) {
    const auto took = std::max(entry.received_at - *accepted, std::chrono::milliseconds{0});
    latency = std::to_string(took.count());
    if (took >= long_wait)
      note += ", waited its turn";
  }
  return fmt::format("  {}  {:<16} {:<18} {:>10} {:>7} ms -> {} ({})", clock_time(entry.received_at), name,
                     text_of(body, "type") + " " + text_of(body, "event"), count_of(body.at("ids").size()),
                     latency, answer, note);
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
  write(std::move(line));
}

void demo_console::tell_missed(const std::string& entry, std::string_view name) {
  auto line = missed_line(entry, name);
  const std::lock_guard lock{mutex_};
  ++missed_;
  write(std::move(line));
}

std::uint64_t demo_console::missed() const {
  const std::lock_guard lock{mutex_};
  return missed_;
}

} // namespace carillon::playground
