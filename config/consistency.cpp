#include "config/consistency.hpp"

#include "config/keys.hpp"
#include "config/text_value.hpp"
#include "crypto/aead.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carillon::config {

namespace {

/// A secret or a certificate is small; what is larger is the wrong file.
constexpr off_t largest_file = 4 * static_cast<off_t>(defaults::mebibyte);

/// Why the file can't be used; empty when it can. Content goes to `content` when that is asked for.
std::string read_regular_file(const std::string& path, std::string* content) {
  // Non-blocking, for a named pipe without a writer would hold up the start for ever.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return std::strerror(errno);
  struct stat info {};
  std::string problem;
  if (::fstat(fd, &info) != 0)
    problem = std::strerror(errno);
  else if (S_ISDIR(info.st_mode))
    problem = "it is a folder";
  else if (info.st_size > largest_file)
    problem = "it is larger than " + format_size(static_cast<std::uint64_t>(largest_file));
  char block[4096];
  while (problem.empty() && content != nullptr) {
    const auto got = ::read(fd, block, sizeof block);
    if (got < 0)
      problem = std::strerror(errno);
    if (got <= 0 || content->size() > static_cast<std::size_t>(largest_file))
      break;
    content->append(block, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return problem;
}

/// Reports under the key's name when it names a file that can't be read. True when there is a file and it
/// can.
bool readable(const char* key_name, const std::string& path, std::string* content,
              std::vector<setting_error>& errors) {
  if (path.empty())
    return false;
  const auto problem = read_regular_file(path, content);
  if (!problem.empty())
    errors.push_back({key_name, std::string{key_name} + ": can't read " + quote(path) + ": " + problem});
  return problem.empty();
}

bool is_token_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string trimmed(const std::string& text) {
  constexpr auto blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string::npos ? std::string{}
                                    : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// "0.0.0.0:7946", "[::]:7946": all addresses, so none to dial.
bool is_any_address(std::string_view listen) {
  const auto host = listen.substr(0, listen.rfind(':'));
  return host == "0.0.0.0" || host == "[::]";
}

/// A node is alone or a member: half of what a member needs is a mistake.
void check_cluster(const cluster_settings& cluster, std::vector<setting_error>& errors) {
  const std::pair<const char*, bool> needed[] = {
      {"cluster.name", !cluster.name.empty()},     {"cluster.etcd", !cluster.etcd.empty()},
      {"cluster.listen", !cluster.listen.empty()}, {"cluster.certificate", !cluster.certificate.empty()},
      {"cluster.key", !cluster.key.empty()},       {"cluster.ca", !cluster.ca.empty()}};
  const auto given = std::ranges::find_if(needed, &std::pair<const char*, bool>::second);
  const char* present = given != std::end(needed)   ? given->first
                        : !cluster.advertise.empty() ? "cluster.advertise"
                                                     : nullptr;
  for (const auto& [name, set] : needed)
    if (present != nullptr && !set)
      errors.push_back({name, std::string{name} + " is not set, but " + present +
                                  " is: a member of a cluster needs both, a node alone none of cluster.*"});
  if (cluster.advertise.empty() && is_any_address(cluster.listen))
    errors.push_back({"cluster.advertise", "cluster.advertise is not set, but cluster.listen is " +
                                               quote(cluster.listen) +
                                               ": others can't dial that; say where they reach this node"});
  if (cluster.min_replicas > cluster.replicas)
    errors.push_back({"cluster.min-replicas", "cluster.min-replicas: " + std::to_string(cluster.min_replicas) +
                                                  " is more than cluster.replicas (" +
                                                  std::to_string(cluster.replicas) +
                                                  "): nothing would ever be acknowledged"});
}

} // namespace

void check_consistency(const settings& value, std::vector<setting_error>& errors) {
  const auto at_most = [&](const char* name, std::chrono::milliseconds small, const char* bound_name,
                           std::chrono::milliseconds bound, const char* why) {
    if (small > bound)
      errors.push_back({name, std::string{name} + ": " + format_duration(small) + " is more than " +
                                  bound_name + " (" + format_duration(bound) + "): " + why});
  };
  if (value.http.tls_certificate.empty() != value.http.tls_key.empty()) {
    const auto* missing = value.http.tls_key.empty() ? "http.tls-key" : "http.tls-certificate";
    const auto* present = value.http.tls_key.empty() ? "http.tls-certificate" : "http.tls-key";
    errors.push_back(
        {missing, std::string{missing} + " is not set, but " + present + " is: set both or none"});
  }
  at_most("limits.backlog-age", value.limits.backlog_age, "retention.bodies", value.retention.bodies,
          "a notification's body would be gone before it is sent");
  at_most("delivery.connect-timeout", value.delivery.connect_timeout, "delivery.timeout",
          value.delivery.timeout, "the timeout covers connecting");
  for (const auto& address : value.http.admin_listen)
    if (!address.ends_with(":0") && std::ranges::find(value.http.listen, address) != value.http.listen.end())
      errors.push_back(
          {"http.admin-listen", "http.admin-listen: " + quote(address) + " is in http.listen, too"});
  check_cluster(value.cluster, errors);
}

void check_files(const settings& value, std::vector<setting_error>& errors) {
  readable("http.tls-certificate", value.http.tls_certificate, nullptr, errors);
  readable("http.tls-key", value.http.tls_key, nullptr, errors);
  readable("egress.ca-file", value.egress.ca_file, nullptr, errors);
  readable("cluster.certificate", value.cluster.certificate, nullptr, errors);
  readable("cluster.key", value.cluster.key, nullptr, errors);
  readable("cluster.ca", value.cluster.ca, nullptr, errors);
  std::string keys;
  if (!readable("auth.master-key-file", value.auth.master_key_file, &keys, errors))
    return;
  try {
    crypto::key_ring::parse(keys);
  } catch (const std::invalid_argument& problem) {
    errors.push_back({"auth.master-key-file", "auth.master-key-file: " + quote(value.auth.master_key_file) +
                                                  ": " + problem.what() +
                                                  "; allowed: lines id:base64(32 bytes)"});
  }
}

void read_admin_token(settings& value, const std::map<std::string, std::string>& environment,
                      std::vector<setting_error>& errors) {
  constexpr auto file_key = "auth.admin-token-file";
  const auto variable = environment.find("CARILLON_ADMIN_TOKEN");
  const bool in_environment = variable != environment.end() && !variable->second.empty();
  if (in_environment && !value.auth.admin_token_file.empty()) {
    errors.push_back({file_key, std::string{file_key} + " and CARILLON_ADMIN_TOKEN are both set: keep one"});
    return;
  }
  if (in_environment) {
    value.auth.admin_token = trimmed(variable->second);
    if (!is_token_text(value.auth.admin_token))
      errors.push_back({"CARILLON_ADMIN_TOKEN", "CARILLON_ADMIN_TOKEN must be visible ASCII without blanks"});
    return;
  }
  std::string content;
  if (!readable(file_key, value.auth.admin_token_file, &content, errors))
    return;
  value.auth.admin_token = trimmed(content);
  if (!is_token_text(value.auth.admin_token))
    errors.push_back({file_key, std::string{file_key} + ": " + quote(value.auth.admin_token_file) +
                                    " must hold one token of visible ASCII without blanks"});
}

} // namespace carillon::config
