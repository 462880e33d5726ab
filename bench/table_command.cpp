#include "bench/commands.hpp"
#include "bench/report.hpp"
#include "bench/rows.hpp"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

constexpr int default_rounds = 3;
constexpr pace quick_pace{std::chrono::milliseconds{500}, std::chrono::milliseconds{1500},
                          std::chrono::seconds{1}};

std::vector<row> chosen_rows(const std::vector<std::string>& names) {
  std::vector<row> chosen;
  for (const auto& r : all_rows())
    if (names.empty() || std::find(names.begin(), names.end(), r.name) != names.end())
      chosen.push_back(r);
  for (const auto& name : names)
    if (std::none_of(chosen.begin(), chosen.end(), [&](const row& r) { return r.name == name; }))
      throw std::invalid_argument("there is no row \"" + name + "\"; --list names them");
  return chosen;
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
    fmt::print("{:<16}{}\n", r.name, r.about);
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
  const auto rows = chosen_rows(given.words());
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
  if (json_file && !(std::ofstream{*json_file} << render_json(reported, machine)))
    throw std::runtime_error("can't write " + *json_file);
  return kept ? 0 : 1;
}

} // namespace carillon::bench
