#include "bench/wrk.hpp"

#include "bench/child_process.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace carillon::bench {

namespace {

/// A Lua long string: no escapes, and event JSON holds no "]==]".
std::string script_for(const std::string& body) {
  return "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [==[" +
         body + "]==]\n";
}

} // namespace

wrk_result run_wrk(const wrk_settings& settings) {
  const auto seconds = std::to_string(settings.duration.count());
  command what;
  what.arguments = {"wrk", "-t1", "-c" + std::to_string(settings.connections), "-d" + seconds + "s"};
  if (!settings.body.empty()) {
    const auto script = settings.folder / "post.lua";
    std::ofstream{script} << script_for(settings.body);
    what.arguments.insert(what.arguments.end(), {"-s", script.string()});
  }
  what.arguments.push_back(settings.url);
  child_process wrk{what};
  const auto text = wrk.read_rest(settings.duration + std::chrono::seconds{30});
  const auto ended = wrk.wait(std::chrono::seconds{5});
  if (!ended || ended->code != 0)
    throw std::runtime_error("wrk failed: " + text);
  // "  412345 requests in 2.10s, 31.46MB read", "Requests/sec: 196354.76"
  wrk_result result;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find(" requests in "); at != std::string::npos) {
      const auto start = line.find_first_not_of(' ');
      std::from_chars(line.data() + start, line.data() + at, result.requests);
    } else if (line.starts_with("Requests/sec:")) {
      result.per_second = std::stod(line.substr(13));
    } else if (line.find("Non-2xx") != std::string::npos || line.find("Socket errors") != std::string::npos) {
      throw std::runtime_error("wrk met errors at " + settings.url + ": " + line);
    }
  }
  if (result.requests == 0)
    throw std::runtime_error("wrk got no answer from " + settings.url + ": " + text);
  result.cpu_per_request = ended->cpu / static_cast<std::int64_t>(result.requests);
  return result;
}

} // namespace carillon::bench
