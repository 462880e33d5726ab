#define CAF_SUITE settings_file
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "config/load.hpp"
#include "config/print.hpp"

#include <filesystem>
#include <fstream>

#include <stdlib.h>

using namespace carillon::config;
using namespace std::chrono_literals;

namespace {

/// A file of its own folder, gone with the test.
struct config_file {
  explicit config_file(const std::string& content) {
    char name[] = "/tmp/carillon-settings-file-XXXXXX";
    folder = mkdtemp(name);
    path = (folder / "carillon.conf").string();
    std::ofstream{path} << content;
  }
  ~config_file() { std::filesystem::remove_all(folder); }
  config_file(const config_file&) = delete;
  config_file& operator=(const config_file&) = delete;

  load_result load(std::map<std::string, std::string> environment = {}) const {
    load_request request;
    request.arguments = {"--config-file=" + path};
    request.environment = std::move(environment);
    return carillon::config::load(request);
  }

  std::filesystem::path folder;
  std::string path;
};

} // namespace

CAF_TEST(both forms of sections reach the same keys) {
  const config_file braces{"http {\n  listen = [\"127.0.0.1:1\", \"[::1]:2\"]\n  header-timeout = 3s\n}\n"
                           "egress { ports = [443], allow-insecure-ssl = false }\n"
                           "retention { log = \"2d\" }\n"};
  const config_file brackets{"; a comment\n[http]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"] ; and another\n"
                             "header-timeout = 3000ms\n[egress]\nports=[443]\nallow-insecure-ssl=false\n"
                             "[retention]\nlog=48h"};
  const auto first = braces.load();
  const auto second = brackets.load();
  CAF_REQUIRE_EQUAL(first.report(), "");
  CAF_REQUIRE_EQUAL(second.report(), "");
  CAF_CHECK(first.value == second.value);
  CAF_CHECK_EQUAL(first.value.http.listen, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  CAF_CHECK(first.value.http.header_timeout == 3s);
  CAF_CHECK(first.value.egress.ports == std::vector<std::uint16_t>{443});
  CAF_CHECK(!first.value.egress.allow_insecure_ssl);
  CAF_CHECK(first.value.retention.log == 48h);
}

CAF_TEST(values of the wrong kind are refused) {
  for (const auto* content : {"http { header-timeout = 15 }\n", "http { header-timeout = 1.5 }\n",
                              "http { header-timeout = true }\n", "http { header-timeout = [1s] }\n",
                              "http { header-timeout = 1ns }\n", "http { header-timeout = 1500us }\n",
                              "http { max-connections = 5s }\n", "http { listen = 8080 }\n",
                              "http { max-connections = -5 }\n", "egress { ports = [443, \"x\"] }\n"}) {
    const auto result = config_file{content}.load();
    CAF_CHECK_EQUAL(result.errors.size(), 1u);
    CAF_CHECK(result.report().find("is refused; allowed: ") != std::string::npos);
  }
}

CAF_TEST(what can not be parsed is refused with its line) {
  for (const auto* content :
       {"log {}\nhttp { header-timeout = 30d }\n", "log {}\nstorage { map-size = 64GiB }\n",
        "log {}\nhttp.header-timeout = 3s\n", "log {}\n[http\n"}) {
    const auto report = config_file{content}.load().report();
    CAF_MESSAGE(report);
    CAF_CHECK(report.find("line 2") != std::string::npos);
    CAF_CHECK(report.find("double quotes") != std::string::npos);
  }
}

CAF_TEST(a file that breaks off is refused) {
  for (const auto* content : {"http { max-connections = 5", "http { max-connections = 5\n", "http {", "http",
                              "[http]\nlisten = [\"127.0.0.1:1\"", "[http]\nlisten = [",
                              "[http]\nlisten =", "[http]\nlisten = \"127"}) {
    const auto result = config_file{content}.load();
    CAF_MESSAGE(content << ": " << result.report());
    CAF_CHECK(!result.ok());
  }
  CAF_CHECK_EQUAL(config_file{""}.load().report(), "");
  CAF_CHECK_EQUAL(config_file{"; nothing"}.load().report(), "");
}

CAF_TEST(no file is read that nobody named) {
  const config_file implicit{""};
  std::ofstream{implicit.folder / "caf-application.ini"} << "[delivery]\ntotal = 1\n";
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(implicit.folder);
  const auto result = load({});
  std::filesystem::current_path(before);
  CAF_CHECK_EQUAL(result.value.delivery.total, 8'192u);
}

CAF_TEST(what print writes reads back to the same settings) {
  load_request request;
  const auto defaults = load(request);
  CAF_CHECK(config_file{print(defaults.value)}.load().value == defaults.value);

  const config_file any{"x"};
  request.arguments = {"--http.listen=127.0.0.1:1,[::1]:2",
                       "--http.trusted-proxies=10.0.0.0/8",
                       "--egress.ports=",
                       "--egress.deny=192.0.2.0/24,2001:db8::/32",
                       "--limits.windows=7/1s",
                       "--retention.log=1500ms",
                       "--retention.missed=90min",
                       "--storage.map-size=100MiB",
                       "--ingest.max-body=12345",
                       "--storage.directory=a \"b\" \\c;d",
                       "--log.format=json",
                       "--log.level=warning",
                       "--process.threads=7",
                       "--http.tls-key=" + any.path,
                       "--http.tls-certificate=" + any.path,
                       "--cluster.name=north-1",
                       "--cluster.etcd=http://10.0.0.1:2379,https://etcd.example:2379",
                       "--cluster.listen=0.0.0.0:7946",
                       "--cluster.advertise=node-1.example:7946",
                       "--cluster.certificate=" + any.path,
                       "--cluster.key=" + any.path,
                       "--cluster.ca=" + any.path,
                       "--cluster.replicas=3",
                       "--cluster.min-replicas=1",
                       "--egress.allow-insecure-ssl=false"};
  const auto changed = load(request);
  CAF_REQUIRE_EQUAL(changed.report(), "");
  const auto again = config_file{print(changed.value)}.load();
  CAF_CHECK_EQUAL(again.report(), "");
  CAF_CHECK(again.value == changed.value);
  CAF_CHECK(!(again.value == defaults.value));
}

CAF_TEST(print masks the token) {
  settings value;
  value.auth.admin_token = "cat_very_secret";
  const auto text = print(value);
  CAF_CHECK_EQUAL(text.find("cat_very_secret"), std::string::npos);
  CAF_CHECK(text.find("********") != std::string::npos);
  CAF_CHECK_EQUAL(config_file{text}.load().report(), "");
}

CAF_TEST(the help names every key that can be set) {
  const auto text = describe_keys(load({}).value);
  for (const auto& known : all_keys())
    CAF_CHECK(text.find("--" + known.name + "=") != std::string::npos);
  CAF_CHECK(text.find("--delivery.timeout=15s\n      a duration from 1ms to 5min") != std::string::npos);
}
