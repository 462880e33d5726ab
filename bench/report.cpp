#include "bench/report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace carillon::bench {

namespace {

constexpr std::size_t label_width = 58, value_width = 13;

/// Padded by characters, not by bytes: "µ" and "×" are two bytes each.
std::string padded(const std::string& text, std::size_t width, bool right) {
  const auto characters = static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  const std::string space(width > characters ? width - characters : 0, ' ');
  return right ? space + text : text + space;
}

std::string line_of(const std::string& label, const std::array<std::string, 3>& values,
                    const std::string& goal) {
  std::string line = "  " + padded(label, label_width, false);
  for (const auto& value : values)
    line += padded(value, value_width, true);
  return line + (goal.empty() ? "" : "   " + goal) + "\n";
}

std::string goal_of(const figure& f) {
  if (!f.wanted)
    return {};
  return fmt::format("{} {}{}", f.wanted->which == goal::side::at_least ? "≥" : "≤",
                     format_value(f.what, f.wanted->value), f.reached() ? "" : "  MISSED");
}

std::string processor_name() {
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      return line.substr(line.find(':') + 2);
  return "unknown processor";
}

} // namespace

std::string describe_machine() {
  double load = 0;
  ::getloadavg(&load, 1);
  const auto memory =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return fmt::format("{}, {} cores, {:.0f} GiB, load {:.1f} at the start", processor_name(),
                     std::thread::hardware_concurrency(), memory / (1 << 30), load);
}

std::string render_table(const std::vector<reported_row>& rows) {
  std::string out = line_of("", {"median", "lowest", "highest"}, "goal");
  for (const auto& row : rows) {
    out += fmt::format("{}\n", row.name);
    for (const auto& f : row.measured->all())
      out += line_of(f.label,
                     {format_value(f.what, f.median()), format_value(f.what, f.lowest()),
                      format_value(f.what, f.highest())},
                     goal_of(f));
  }
  return out;
}

std::string render_json(const std::vector<reported_row>& rows, std::string_view machine) {
  constexpr std::array<std::string_view, 8> units{"1/s", "us", "ms", "ratio", "KiB", "MiB", "MB", ""};
  nlohmann::json out = {
      {"version", CARILLON_VERSION}, {"machine", machine}, {"figures", nlohmann::json::array()}};
  for (const auto& row : rows)
    for (const auto& f : row.measured->all()) {
      nlohmann::json one = {{"row", row.name},
                            {"figure", f.label},
                            {"unit", units[static_cast<std::size_t>(f.what)]},
                            {"median", f.median()},
                            {"values", f.values}};
      if (f.wanted)
        one[f.wanted->which == goal::side::at_least ? "at_least" : "at_most"] = f.wanted->value;
      out["figures"].push_back(std::move(one));
    }
  return out.dump(2) + "\n";
}

} // namespace carillon::bench
