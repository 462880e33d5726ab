#include "bench/commands.hpp"
#include "bench/plot.hpp"
#include "bench/report.hpp"
#include "bench/rows.hpp"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

constexpr int default_rounds = 3;
constexpr pace quick_pace{std::chrono::milliseconds{500}, std::chrono::milliseconds{1500},
                          std::chrono::seconds{1}, 20'000};

std::vector<row> chosen_rows(const std::vector<std::string>& names, bool all) {
  std::vector<row> chosen;
  for (const auto& r : all_rows())
    if ((names.empty() && (all || !r.large) && (r.possible == nullptr || r.possible())) ||
        std::find(names.begin(), names.end(), r.name) != names.end())
      chosen.push_back(r);
  for (const auto& name : names)
    if (std::none_of(chosen.begin(), chosen.end(), [&](const row& r) { return r.name == name; }))
      throw std::invalid_argument("there is no row \"" + name + "\"; --list names them");
  return chosen;
}

/// The rows that `--plot` draws.
constexpr std::array<std::string_view, 2> drawn_rows{"latency-curve", "subscriptions"};

std::vector<chart_line> lines_of(const std::vector<figures>& measured, plot where) {
  std::vector<chart_line> lines;
  for (const auto& row : measured)
    for (const auto& p : row.drawn()) {
      if (p.where != where)
        continue;
      auto line =
          std::find_if(lines.begin(), lines.end(), [&](const chart_line& l) { return l.name == p.line; });
      if (line == lines.end())
        line = lines.insert(line, chart_line{p.line, {}});
      line->points.emplace_back(p.x, median_of(p.values));
    }
  return lines;
}

void write_plots(const std::filesystem::path& folder, const std::vector<figures>& measured) {
  const auto write = [&](const char* name, const chart& what) {
    const auto svg = draw_svg(what);
    if (!svg.empty() && !(std::ofstream{folder / name} << svg))
      throw std::runtime_error("can't write " + (folder / name).string());
  };
  std::filesystem::create_directories(folder);
  write("latency-over-load.svg",
        {"From an event's POST to its arrival", "load, % of what single events reach", "ms", scale::linear,
         lines_of(measured, plot::latency)});
  write("cost-over-subscriptions.svg",
        {"Cost of a notification", "subscriptions of the account, one of which matches", "µs of CPU",
         scale::logarithmic, lines_of(measured, plot::subscriptions)});
}

/// A fresh folder under `parent`.
std::filesystem::path make_folder(const std::filesystem::path& parent) {
  std::filesystem::create_directories(parent);
  auto pattern = (std::filesystem::absolute(parent) / "run-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("can't make a folder in " + parent.string());
  return pattern;
}

/// Removes the folder when a signal ends us: an interrupted run leaves nothing behind either. The node dies
/// with us.
///
/// To be made before any thread, for it blocks the signals in all that come.
class cleanup_on_signal {
public:
  explicit cleanup_on_signal(const std::filesystem::path& folder) {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
      sigaddset(&ends, number);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::thread{[folder, ends] {
      int number = 0;
      sigwait(&ends, &number);
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
      ::_exit(128 + number);
    }}.detach();
  }
};

void list_rows() {
  for (const auto& r : all_rows())
    fmt::print("{:<16}{}{}\n", r.name, r.about, r.large ? " (large)" : "");
}

} // namespace

int run_table_command(arguments& given) {
  if (given.flag("list")) {
    list_rows();
    return 0;
  }
  stage_settings settings;
  const bool quick = given.flag("quick");
  if (quick)
    settings.how_long = quick_pace;
  const auto rounds = static_cast<int>(given.number("rounds", quick ? 1 : default_rounds));
  settings.program = given.value("node").value_or("build/release/carillon");
  settings.node_flags = given.values("node-flag");
  const auto parent = given.value("folder").value_or("var/bench");
  const auto json_file = given.value("json");
  const bool all = given.flag("all");
  auto plots = given.value("plot");
  if (given.flag("plot") && !plots)
    plots = "docs";
  auto names = given.words();
  if (plots && names.empty() && !all)
    names.assign(drawn_rows.begin(), drawn_rows.end());
  const auto rows = chosen_rows(names, all);
  given.finish();
  if (::access(settings.program.c_str(), X_OK) != 0)
    throw std::runtime_error(settings.program.string() + " can't be run: build it, or name it with --node=");
  settings.folder = make_folder(parent);

  const auto machine = describe_machine();
  const cleanup_on_signal cleanup{settings.folder};
  stage on{settings};
  std::vector<figures> measured(rows.size());
  bool kept = true;
  for (int round = 1; round <= rounds && kept; ++round)
    for (std::size_t i = 0; i < rows.size() && kept; ++i) {
      fmt::print(stderr, "round {} of {}: {}\n", round, rounds, rows[i].name);
      try {
        rows[i].measure(on, measured[i]);
      } catch (const std::runtime_error& error) {
        fmt::print(stderr, "{}: {}\n", rows[i].name, error.what());
        kept = false;
      }
    }

  std::vector<reported_row> reported;
  for (std::size_t i = 0; i < rows.size(); ++i)
    reported.push_back({rows[i].name, &measured[i]});
  fmt::print("Carillon {}, {} round{}; node, generator, sink and wrk on this machine\n{}\n\n{}\n{}\n",
             CARILLON_VERSION, rounds, rounds == 1 ? "" : "s", machine, render_table(reported),
             kept ? "Nothing was lost, nothing doubled, no process died." : "FAILED: see above.");
  if (plots && kept)
    write_plots(*plots, measured);
  if (json_file && !(std::ofstream{*json_file} << render_json(reported, machine)))
    throw std::runtime_error("can't write " + *json_file);
  return kept ? 0 : 1;
}

} // namespace carillon::bench
