#include "bench/openssl_tool.hpp"

#include "bench/child_process.hpp"

#include <sstream>
#include <stdexcept>

namespace carillon::bench {

namespace {

constexpr auto patience = std::chrono::seconds{30};

/// What it wrote on stdout, and how it ended.
std::pair<std::string, ending> run(command what) {
  what.errors = "/dev/null";
  child_process tool{what};
  auto text = tool.read_rest(patience);
  const auto ended = tool.wait(std::chrono::seconds{5});
  if (!ended)
    throw std::runtime_error(what.arguments[0] + " " + what.arguments[1] + " doesn't end");
  return {std::move(text), *ended};
}

} // namespace

s_time_result run_s_time(const s_time_settings& settings) {
  command what;
  what.arguments = {"openssl",
                    "s_time",
                    "-connect",
                    "127.0.0.1:" + std::to_string(settings.port),
                    "-www",
                    "/s_time",
                    "-CAfile",
                    settings.authority.string(),
                    "-verify",
                    "4",
                    settings.resumes ? "-reuse" : "-new",
                    "-time",
                    std::to_string(settings.duration.count())};
  const auto [text, ended] = run(what);
  // "8123 connections in 1.02s; 7963.73 connections/user sec, bytes read 0", where the seconds are CPU;
  // "8123 connections in 3 real seconds, 66 bytes read per connection"
  s_time_result result;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    double connections = 0, seconds = 0;
    std::string word;
    if (line.find(" real seconds") == std::string::npos || !(words >> connections >> word >> word >> seconds))
      continue;
    // It ends at a full second of the clock and counts one more than passed.
    result.per_second = connections / static_cast<double>(settings.duration.count());
    result.cpu_per_connection = ended.cpu / std::max<std::int64_t>(1, static_cast<std::int64_t>(connections));
  }
  if (ended.code != 0 || result.per_second <= 0)
    throw std::runtime_error("openssl s_time failed: " + text);
  return result;
}

own_certificate make_own_certificate(const std::filesystem::path& folder, const std::string& names) {
  std::filesystem::create_directories(folder);
  own_certificate made{folder / "own.pem", folder / "own.key"};
  command what;
  what.arguments = {"openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=carillon-bench",
                    "-addext",
                    "subjectAltName=" + names,
                    "-keyout",
                    made.key.string(),
                    "-out",
                    made.certificate.string()};
  if (run(what).second.code != 0)
    throw std::runtime_error("openssl req makes no certificate");
  return made;
}

} // namespace carillon::bench
