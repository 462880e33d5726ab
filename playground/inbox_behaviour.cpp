#include "playground/inbox_behaviour.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace carillon::playground {

namespace {

/// Takes the next part of a path off its front.
std::string_view next_part(std::string_view& path) {
  if (path.starts_with('/'))
    path.remove_prefix(1);
  const auto part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

inbox_behaviour refused(std::string note) {
  inbox_behaviour behaviour;
  behaviour.status = 400;
  behaviour.note = std::move(note);
  return behaviour;
}

} // namespace

inbox_behaviour behaviour_of(const net::http_request& request) {
  inbox_behaviour behaviour;
  std::string_view path{request.path};
  const auto first = next_part(path);
  if (first == "status") {
    const auto status = number(next_part(path));
    if (!status || *status < 200 || *status > 599)
      return refused("/status/ needs a number from 200 to 599");
    behaviour.status = *status;
  } else if (first == "slow") {
    const auto delay = number(next_part(path));
    if (!delay || *delay < 0 || *delay > most_delay.count())
      return refused("/slow/ needs a number of milliseconds, at most " + std::to_string(most_delay.count()));
    behaviour.delay = std::chrono::milliseconds{*delay};
  } else if (first == "drop")
    behaviour.status = 0;
  else if (first == "gone")
    behaviour.status = 410;
  else if (first == "redirect") {
    behaviour.status = 302;
    behaviour.location = request.query_value("to").value_or("/ok/redirected");
  }
  behaviour.retry_after = request.query_value("retry_after").value_or("");
  return behaviour;
}

} // namespace carillon::playground
