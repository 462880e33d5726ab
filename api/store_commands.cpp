// The commands `check`, `backup` and `restore`.
#include "api/command_line.hpp"
#include "api/commands.hpp"
#include "api/control_socket.hpp"
#include "api/server_program.hpp"
#include "config/print.hpp"
#include "net/egress_policy.hpp"
#include "net/link_tls.hpp"
#include "net/tls_client.hpp"
#include "net/tls_server.hpp"
#include "storage/backup.hpp"
#include "storage/restore.hpp"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>

namespace carillon::api {

namespace {

namespace fs = std::filesystem;

const command_line check_line{
    "carillon check [--print] [--key=value...]",
    "Validates configuration, certificates and store without changing anything; the exit code tells.\n"
    "--print shows the effective configuration, secrets masked.\n",
    {"--print"},
    0};

const command_line backup_line{
    "carillon backup DIR [--key=value...]",
    "Copies the store into DIR, which must be empty or is made: through the running node's control.sock,\n"
    "or directly when no node runs. Run it as the node's user and with its storage.directory.\n",
    {},
    1};

const command_line restore_line{
    "carillon restore DIR... [--key=value...]",
    "Makes a new store in storage.directory from the copy in DIR, or from those of all nodes of a cluster, for a\n"
    "node alone. It starts held: POST /v1/release decides whether what was pending is sent or expires.\n",
    {},
    1,
    true};

int report(const std::function<void()>& work) {
  try {
    work();
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "carillon: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}

std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

void describe(const char* what, const std::string& where, const storage::backup_summary& summary) {
  std::cout << what << ' ' << where << ": " << summary.rows << " rows, " << summary.bytes
            << " bytes, generation " << summary.identity.generation << '\n';
}

/// Everything of a start that can be judged without one. One line per problem.
class checks {
public:
  void run(const char* what, const std::function<void()>& check) {
    try {
      check();
    } catch (const std::exception& e) {
      std::cerr << "carillon: " << what << ": " << e.what() << '\n';
      good_ = false;
    }
  }
  bool good() const { return good_; }

private:
  bool good_ = true;
};

void check_store(const config::settings& settings) {
  const fs::path data = fs::path{settings.storage.directory} / "data.mdb";
  if (!fs::exists(data))
    return; // The first start makes it.
  // A running node holds it open, and has judged it.
  if (send_control(settings.storage.directory, "hello"))
    return;
  storage::inspect(settings.storage.directory, storage::inspection::header_only);
}

} // namespace

int check(const std::vector<std::string>& arguments) {
  auto parsed = parse_command(check_line, arguments);
  if (!parsed.settings)
    return parsed.code;
  const auto& settings = parsed.settings->value;
  if (!parsed.settings->options.empty())
    std::cout << config::print(settings);
  checks all;
  if (!settings.http.tls_certificate.empty())
    all.run("http.tls-certificate", [&] {
      net::tls_server{settings.http.tls_certificate, settings.http.tls_key};
    });
  if (!settings.egress.ca_file.empty())
    all.run("egress.ca-file", [&] { net::tls_client{settings.egress.ca_file}; });
  if (const auto& cluster = settings.cluster; !cluster.name.empty())
    all.run("cluster", [&] { net::load_link_tls(cluster.certificate, cluster.key, cluster.ca); });
  all.run("egress", [&] {
    net::egress_settings egress;
    egress.allow = settings.egress.allow;
    egress.deny = settings.egress.deny;
    net::egress_policy{egress};
  });
  if (!settings.auth.master_key_file.empty())
    all.run("auth.master-key-file", [&] { read_master_keys(settings); });
  all.run("storage.directory", [&] { check_store(settings); });
  return all.good() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int backup(const std::vector<std::string>& arguments) {
  const auto parsed = parse_command(backup_line, arguments);
  if (!parsed.settings)
    return parsed.code;
  const auto& directory = parsed.settings->value.storage.directory;
  const auto destination = absolute(parsed.settings->positional.front());
  return report([&] {
    if (const auto answer = send_control(directory, "backup " + destination)) {
      if (*answer != "ok")
        throw std::runtime_error{answer->starts_with("error: ") ? answer->substr(7) : *answer};
      std::cout << "copied " << directory << " to " << destination << '\n';
      return;
    }
    describe("copied to", destination, storage::back_up_closed(directory, destination));
  });
}

int restore(const std::vector<std::string>& arguments) {
  const auto parsed = parse_command(restore_line, arguments);
  if (!parsed.settings)
    return parsed.code;
  const auto& directory = parsed.settings->value.storage.directory;
  return report([&] {
    const auto summary = storage::restore(parsed.settings->positional, directory);
    describe("restored into", directory, summary);
    std::cout << "the node on it starts held; release it with POST /v1/release\n";
  });
}

} // namespace carillon::api
