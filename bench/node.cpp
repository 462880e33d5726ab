#include "bench/node.hpp"

#include "bench/process_cpu.hpp"
#include "crypto/aead.hpp"
#include "crypto/base64.hpp"

#include <nlohmann/json.hpp>

#include <signal.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

/// Only this process and its node know it, and it ends with them.
constexpr const char* admin_token = "cat_benchmark_administrator_000000000000000000";
constexpr auto start_timeout = 30s;
/// Above the node's own `shutdown.timeout`.
constexpr auto stop_timeout = 40s;
/// Nodes of a cluster hear of a new token within milliseconds.
constexpr auto token_timeout = 10s;
constexpr std::size_t told_log = 3000; ///< bytes of a dead node's log

command command_of(const node_settings& settings) {
  prepare_folder(settings.folder);
  command what;
  what.arguments = {settings.program.string(),
                    "serve",
                    "--http.listen=127.0.0.1:0",
                    "--storage.directory=" + store_in(settings.folder).string(),
                    "--auth.master-key-file=" + keys_in(settings.folder).string(),
                    "--egress.allow=[\"127.0.0.1/32\"]",
                    "--egress.ports=[]",
                    "--egress.ca-file=" + settings.authority.string(),
                    "--limits.backlog-bytes=16GiB",
                    "--log.format=text",
                    "--log.level=warning"};
  what.arguments.insert(what.arguments.end(), settings.flags.begin(), settings.flags.end());
  what.environment = {{"CARILLON_ADMIN_TOKEN", admin_token}};
  what.errors = settings.folder / "node.log";
  return what;
}

std::string checked(std::string_view method, std::string_view target, http_reply reply) {
  if (reply.status < 200 || reply.status > 299)
    throw std::runtime_error(std::string{method} + " " + std::string{target} + " was answered " +
                             std::to_string(reply.status) + ": " + reply.body);
  return std::move(reply.body);
}

} // namespace

std::filesystem::path store_in(const std::filesystem::path& folder) {
  return folder / "store";
}
std::filesystem::path keys_in(const std::filesystem::path& folder) {
  return folder / "master.keys";
}

void prepare_folder(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto keys = keys_in(folder);
  if (std::filesystem::exists(keys))
    return;
  std::string line;
  crypto::key_ring::generate(line);
  std::ofstream{keys} << line << '\n';
  std::filesystem::permissions(keys,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

node::node(const node_settings& settings)
    : log_(settings.folder / "node.log"), process_(command_of(settings)) {
  constexpr std::string_view start = "listening on http://127.0.0.1:";
  began_ = std::chrono::steady_clock::now();
  const auto line = process_.read_line(start_timeout);
  if (!line || !line->starts_with(start))
    throw std::runtime_error("the node doesn't start. " + log_end());
  std::from_chars(line->data() + start.size(), line->data() + line->size(), port_);
}

void node::wait_ready() {
  while (http_call(port_, "GET", "/readyz", {}).status != 200) {
    check_alive();
    if (std::chrono::steady_clock::now() > began_ + start_timeout)
      throw std::runtime_error("the node doesn't get ready. " + log_end());
    std::this_thread::sleep_for(1ms);
  }
  start_time_ = std::chrono::steady_clock::now() - began_;
}

std::string node::log_end() const {
  std::ifstream file{log_};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (text.size() > told_log)
    text.erase(0, text.size() - told_log);
  return "Its log ends:\n" + text;
}

std::chrono::nanoseconds node::cpu() const {
  return cpu_of_process(process_.pid());
}

std::uint64_t node::resident_bytes() const {
  std::ifstream file{"/proc/" + std::to_string(process_.pid()) + "/statm"};
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t node::anonymous_bytes() const {
  std::ifstream file{"/proc/" + std::to_string(process_.pid()) + "/smaps_rollup"};
  for (std::string word; file >> word;)
    if (std::uint64_t kibibytes = 0; word == "Anonymous:" && file >> kibibytes)
      return kibibytes << 10;
  throw std::runtime_error("the kernel doesn't tell the memory of process " + std::to_string(process_.pid()));
}

double node::metric(std::string_view name) const {
  return metrics({name}).front();
}

std::vector<double> node::metrics(std::initializer_list<std::string_view> names) const {
  std::istringstream lines{call("GET", "/metrics")};
  std::vector<double> sums(names.size());
  for (std::string line; std::getline(lines, line);) {
    auto sum = sums.begin();
    for (const auto name : names) {
      if (line.starts_with(name) && (line[name.size()] == ' ' || line[name.size()] == '{'))
        *sum += std::stod(line.substr(line.rfind(' ')));
      ++sum;
    }
  }
  return sums;
}

std::string node::call(std::string_view method, std::string_view target, std::string_view body) const {
  return checked(
      method, target,
      http_call(port_, method, target, {{"Authorization", std::string{"Bearer "} + admin_token}}, body));
}

std::string node::call_copper(const std::string& key, std::string_view method, std::string_view target,
                              std::string_view body) const {
  return checked(method, target,
                 http_call(port_, method, target,
                           {{"X-PW-AccessToken", key},
                            {"X-PW-Application", "developer_api"},
                            {"X-PW-UserEmail", "bench@example.com"}},
                           body));
}

std::string node::call_pipeliner(const std::string& key_id, const std::string& key, std::string_view method,
                                 std::string_view target, std::string_view body) const {
  return checked(method, target,
                 http_call(port_, method, target,
                           {{"Authorization", "Basic " + crypto::base64_encode(key_id + ':' + key)}}, body));
}

std::string node::ingest_token() const {
  const auto made = call("POST", "/v1/tokens", R"({"name":"bench","scopes":["ingest"],"accounts":["*"]})");
  return nlohmann::json::parse(made).at("token").get<std::string>();
}

void node::wait_for_token(const std::string& token) const {
  const auto until = std::chrono::steady_clock::now() + token_timeout;
  while (http_call(port_, "POST", "/v1/accounts/nobody/events", {{"Authorization", "Bearer " + token}}, "[]").status ==
         401) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error("a node of the cluster doesn't know the token. " + log_end());
    std::this_thread::sleep_for(1ms);
  }
}

std::uint64_t node::written_bytes() const {
  std::ifstream file{"/proc/" + std::to_string(process_.pid()) + "/io"};
  std::uint64_t value = 0;
  for (std::string name; file >> name >> value;)
    if (name == "write_bytes:")
      return value;
  throw std::runtime_error("the kernel doesn't tell what process " + std::to_string(process_.pid()) +
                           " writes");
}

void node::check_alive() {
  if (const auto ended = process_.poll())
    throw std::runtime_error("the node died with code " + std::to_string(ended->code) + ". " + log_end());
}

void node::stop() {
  check_alive();
  process_.signal(SIGTERM);
  const auto ended = process_.wait(stop_timeout);
  if (!ended)
    throw std::runtime_error("the node doesn't end on SIGTERM. " + log_end());
  if (ended->code != 0)
    throw std::runtime_error("the node ended with code " + std::to_string(ended->code) + ". " + log_end());
}

void node::kill() {
  check_alive();
  process_.signal(SIGKILL);
  if (!process_.wait(stop_timeout))
    throw std::runtime_error("the node doesn't end on SIGKILL");
}

} // namespace carillon::bench
