#include "config/logging.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <unistd.h>

namespace carillon::config {

namespace {

using nlohmann::json;

// Both begin with the time in UTC with milliseconds; %v is what `text_line` or `json_members` made.
constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v";
constexpr const char* json_pattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
  case log_level::trace:
    return spdlog::level::trace;
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warning:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// In double quotes, on one line, valid UTF-8 whatever came.
std::string escaped(std::string_view text) {
  return json(std::string{text}).dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
  });
}

std::string render(const log_value& value, bool quote_always) {
  return std::visit(
      [&](const auto& held) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string_view>)
          return quote_always || !is_plain(held) ? escaped(held) : std::string{held};
        else
          return json(held).dump();
      },
      value.get());
}

std::string json_members(std::string_view message, std::initializer_list<log_field> fields) {
  auto out = R"("msg":)" + escaped(message);
  for (const auto& field : fields)
    out += "," + escaped(field.name) + ":" + render(field.value, true);
  return out;
}

std::string text_line(std::string_view message, std::initializer_list<log_field> fields) {
  // Messages are ours, but one that quotes an error of a library might carry a line break.
  std::string out{message};
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  for (const auto& field : fields) {
    out += ' ';
    out += field.name;
    out += '=' + render(field.value, false);
  }
  return out;
}

struct output {
  std::shared_ptr<spdlog::logger> logger;
  bool json_lines = false;
};

output make_output(const log_settings& settings, spdlog::sink_ptr sink, bool automatic_is_text) {
  output made;
  made.json_lines =
      settings.format == log_format::automatic ? !automatic_is_text : settings.format == log_format::json;
  made.logger = std::make_shared<spdlog::logger>("carillon", std::move(sink));
  made.logger->set_pattern(made.json_lines ? json_pattern : text_pattern, spdlog::pattern_time_type::utc);
  made.logger->set_level(to_spdlog(settings.level));
  made.logger->flush_on(spdlog::level::trace);
  return made;
}

output make_stderr_output(const log_settings& settings) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (terminal)
    return make_output(settings, std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), true);
  return make_output(settings, std::make_shared<spdlog::sinks::stderr_sink_mt>(), false);
}

output& current() {
  // Never destroyed: threads that end late may still log.
  static auto* const instance = new output(make_stderr_output({}));
  return *instance;
}

} // namespace

void set_up_logging(const log_settings& settings) {
  current() = make_stderr_output(settings);
}

void set_up_logging(const log_settings& settings, std::ostream& out) {
  current() = make_output(settings, std::make_shared<spdlog::sinks::ostream_sink_mt>(out), false);
}

void set_log_level(log_level least) {
  current().logger->set_level(to_spdlog(least));
}

bool log_enabled(log_level level) {
  return current().logger->should_log(to_spdlog(level));
}

void log(log_level level, std::string_view message, std::initializer_list<log_field> fields) noexcept {
  try {
    const auto& to = current();
    if (!to.logger->should_log(to_spdlog(level)))
      return;
    const auto line = to.json_lines ? json_members(message, fields) : text_line(message, fields);
    to.logger->log(to_spdlog(level), spdlog::string_view_t{line.data(), line.size()});
  } catch (...) {
    // Out of memory or stderr closed: an entry that can't be written must not end what it tells of.
  }
}

} // namespace carillon::config
