#define CAF_SUITE settings
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "config/load.hpp"
#include "config/print.hpp"
#include "config/text_value.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <stdlib.h>

using namespace carillon::config;
using namespace std::chrono_literals;

namespace {

/// A folder of files for one test, gone with it.
struct scratch {
  scratch() {
    char name[] = "/tmp/carillon-settings-XXXXXX";
    folder = mkdtemp(name);
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string file(const std::string& name, const std::string& content) const {
    const auto path = (folder / name).string();
    std::ofstream{path} << content;
    return path;
  }

  std::filesystem::path folder;
};

load_result load_flags(std::vector<std::string> arguments) {
  load_request request;
  request.arguments = std::move(arguments);
  return load(request);
}

load_result load_file(const std::string& content) {
  const scratch files;
  return load_flags({"--config-file=" + files.file("c.conf", content)});
}

load_result load_variables(std::map<std::string, std::string> variables) {
  load_request request;
  request.environment = std::move(variables);
  return load(request);
}

/// Everything that a refusal has to say stands in one message, under the right key.
bool refuses(const load_result& result, const std::string& key_name, std::vector<std::string> mentions) {
  for (const auto& error : result.errors) {
    const auto says = [&](const std::string& word) { return error.message.find(word) != std::string::npos; };
    if (error.key == key_name && std::all_of(mentions.begin(), mentions.end(), says))
      return true;
  }
  CAF_MESSAGE("no refusal of " << key_name << " in: " << result.report());
  return false;
}

} // namespace

CAF_TEST(nothing set gives the documented defaults) {
  const auto result = load({});
  CAF_REQUIRE_EQUAL(result.report(), "");
  const auto& s = result.value;
  CAF_CHECK_EQUAL(s.http.listen, std::vector<std::string>{"127.0.0.1:8080"});
  CAF_CHECK(s.http.admin_listen.empty());
  CAF_CHECK_EQUAL(s.http.max_connections, 10'000u);
  CAF_CHECK(s.http.header_timeout == 10s && s.http.body_timeout == 30s);
  CAF_CHECK_EQUAL(s.storage.directory, "./var/carillon");
  CAF_CHECK_EQUAL(s.storage.map_size, 68'719'476'736u);
  CAF_CHECK((s.egress.ports == std::vector<std::uint16_t>{443, 8443}));
  CAF_CHECK(s.egress.allow_insecure_ssl);
  CAF_CHECK(s.delivery.timeout == 15s && s.delivery.connect_timeout == 5s);
  CAF_CHECK_EQUAL(s.delivery.per_account, 64u);
  CAF_CHECK_EQUAL(s.delivery.per_subscription, 8u);
  CAF_CHECK_EQUAL(s.delivery.per_origin, 64u);
  CAF_CHECK_EQUAL(s.delivery.total, 8'192u);
  CAF_CHECK_EQUAL(s.delivery.suspend_after_failures, 20u);
  CAF_CHECK(s.delivery.suspend_after == 1h && s.delivery.probe_interval == 10min);
  CAF_CHECK_EQUAL(s.ingest.max_events, 1'000u);
  CAF_CHECK_EQUAL(s.ingest.max_body, 8'388'608u);
  CAF_CHECK_EQUAL(s.ingest.max_records, 10'000u);
  CAF_CHECK((s.limits.windows == std::vector<window_setting>{{600, 60s}, {1'800, 600s}}));
  CAF_CHECK_EQUAL(s.limits.backlog_records, 100'000u);
  CAF_CHECK_EQUAL(s.limits.backlog_bytes, 67'108'864u);
  CAF_CHECK(s.limits.backlog_age == 24h);
  CAF_CHECK_EQUAL(s.limits.subscriptions, 100u);
  CAF_CHECK(s.retention.missed == 720h && s.retention.log == 168h);
  CAF_CHECK(s.retention.bodies == 72h && s.retention.idempotency == 24h);
  CAF_CHECK(s.process.threads >= 1u);
  CAF_CHECK(s.shutdown.delay == 0s && s.shutdown.timeout == 20s);
  CAF_CHECK(s.log.format == log_format::automatic && s.log.level == log_level::info);
}

CAF_TEST(good values in all their spellings) {
  const auto result = load_flags(
      {"--http.listen=[\"127.0.0.1:0\",\"[::1]:0\"]", "--http.admin-listen=127.0.0.1:9", "--egress.ports=[]",
       "--egress.allow=10.0.0.0/8, fd00::/8", "--limits.windows=[5/1s,10/1min]",
       "--storage.map-size=1073741824", "--ingest.max-body=64KiB", "--retention.log=90min",
       "--log.level=debug", "--egress.allow-insecure-ssl=false", "--process.threads=3"});
  CAF_REQUIRE_EQUAL(result.report(), "");
  const auto& s = result.value;
  CAF_CHECK_EQUAL(s.http.listen, (std::vector<std::string>{"127.0.0.1:0", "[::1]:0"}));
  CAF_CHECK_EQUAL(s.http.admin_listen, std::vector<std::string>{"127.0.0.1:9"});
  CAF_CHECK(s.egress.ports.empty());
  CAF_CHECK_EQUAL(s.egress.allow, (std::vector<std::string>{"10.0.0.0/8", "fd00::/8"}));
  CAF_CHECK((s.limits.windows == std::vector<window_setting>{{5, 1s}, {10, 60s}}));
  CAF_CHECK_EQUAL(s.storage.map_size, 1'073'741'824u);
  CAF_CHECK_EQUAL(s.ingest.max_body, 65'536u);
  CAF_CHECK(s.retention.log == 90min);
  CAF_CHECK(s.log.level == log_level::debug);
  CAF_CHECK(!s.egress.allow_insecure_ssl);
  CAF_CHECK_EQUAL(s.process.threads, 3u);
}

CAF_TEST(bad values are refused with key and value and what is allowed) {
  const std::pair<const char*, const char*> bad[] = {
      {"http.listen", "[]"},
      {"http.listen", "localhost:8080"},
      {"http.listen", "127.0.0.1"},
      {"http.listen", "127.0.0.1:65536"},
      {"http.listen", "::1:8080"},
      {"http.listen", "127.0.0.1:80\"80"},
      {"http.max-connections", "0"},
      {"http.max-connections", "-1"},
      {"http.max-connections", "many"},
      {"http.max-connections", "10 "},
      {"http.max-connections", "18446744073709551616"},
      {"http.trusted-proxies", "10.0.0.0/33"},
      {"http.header-timeout", "10"},
      {"http.header-timeout", "0s"},
      {"http.header-timeout", "10m"},
      {"http.header-timeout", "1.5s"},
      {"http.header-timeout", "-1s"},
      {"http.header-timeout", "99999999999999999999d"},
      {"http.header-timeout", "8825400613783079d"}, // 1,024 ms, were it to wrap around
      {"storage.directory", ""},
      {"storage.map-size", "1KiB"},
      {"storage.map-size", "64GB"},
      {"storage.map-size", "16777217TiB"}, // 1 TiB, were it to wrap around
      {"storage.map-size", "GiB"},
      {"egress.allow", "10.0.0"},
      {"egress.allow", "10.0.0.1/8"},
      {"egress.allow", "fd00::1/127"},
      {"egress.allow", "10.0.0.0/"},
      {"egress.allow", "::/129"},
      {"egress.deny", "example.com/8"},
      {"egress.ports", "[0]"},
      {"egress.ports", "[65536]"},
      {"egress.ports", "https"},
      {"egress.allow-insecure-ssl", "yes"},
      {"delivery.timeout", "6min"},
      {"limits.windows", "[]"},
      {"limits.windows", "600"},
      {"limits.windows", "0/60s"},
      {"limits.windows", "600/60"},
      {"limits.windows", "600/0s"},
      {"limits.windows", "600/1500ms"},
      {"limits.windows", "1/3601s"},
      {"limits.windows", "1/1s,2/2s,3/3s,4/4s,5/5s"},
      {"process.threads", "0"},
      {"log.level", "loud"},
      {"log.format", ""},
  };
  for (const auto& [name, text] : bad) {
    const auto flag = load_flags({std::string{"--"} + name + "=" + text});
    CAF_CHECK(refuses(flag, name, {name, quote(text), "allowed: ", "the flag --" + std::string{name}}));
    const auto variable = load_variables({{environment_name(name), text}});
    CAF_CHECK(refuses(variable, name, {name, quote(text), "allowed: ", environment_name(name)}));
    const auto file = load_file("[" + std::string{name}.replace(std::string{name}.find('.'), 1, "]\n") +
                                " = " + quote(text) + "\n");
    CAF_CHECK(refuses(file, name, {name, quote(text), "allowed: ", "c.conf"}));
  }
}

CAF_TEST(the largest and smallest of a range are taken) {
  CAF_CHECK(load_flags({"--limits.windows=1/1s,1000000/3600s,3/3s,4/4s"}).ok());
  CAF_CHECK(load_flags({"--http.listen=0.0.0.0:65535"}).ok());
  CAF_CHECK(load_flags({"--egress.allow=0.0.0.0/0,10.0.0.1,10.0.0.1/32,::1/128,fe00::/7"}).ok());
  CAF_CHECK(load_flags({"--delivery.timeout=5min"}).ok());
  CAF_CHECK(load_flags({"--shutdown.timeout=0s"}).ok());
  CAF_CHECK(load_flags({"--process.threads=1"}).ok());
}

CAF_TEST(a flag beats the environment beats the file beats the default) {
  const scratch files;
  load_request request;
  request.arguments = {"--config-file=" + files.file("c.conf", "ingest { max-events = 1\n max-records = 2 }\n"
                                                               "delivery { total = 3 }\n")};
  auto result = load(request);
  CAF_REQUIRE_EQUAL(result.report(), "");
  CAF_CHECK_EQUAL(result.value.ingest.max_events, 1u);
  request.environment = {{"CARILLON_INGEST_MAX_EVENTS", "10"}, {"CARILLON_INGEST_MAX_RECORDS", "20"}};
  result = load(request);
  CAF_CHECK_EQUAL(result.value.ingest.max_events, 10u);
  CAF_CHECK_EQUAL(result.value.ingest.max_records, 20u);
  request.arguments.push_back("--ingest.max-events=100");
  result = load(request);
  CAF_REQUIRE_EQUAL(result.report(), "");
  CAF_CHECK_EQUAL(result.value.ingest.max_events, 100u);
  CAF_CHECK_EQUAL(result.value.ingest.max_records, 20u);
  CAF_CHECK_EQUAL(result.value.delivery.total, 3u);
  CAF_CHECK_EQUAL(result.value.delivery.per_account, 64u);
}

CAF_TEST(a bad value is refused also where another source overrides it) {
  load_request request;
  request.arguments = {"--delivery.timeout=10s"};
  request.environment = {{"CARILLON_DELIVERY_TIMEOUT", "abc"}};
  CAF_CHECK(refuses(load(request), "delivery.timeout", {"\"abc\""}));
}

CAF_TEST(unknown keys are refused in every source) {
  CAF_CHECK(refuses(load_flags({"--http.listn=127.0.0.1:1"}), "http.listn",
                    {"unknown", "did you mean http.listen?"}));
  CAF_CHECK(refuses(load_flags({"--verbose"}), "verbose", {"unknown option --verbose"}));
  CAF_CHECK(refuses(load_variables({{"CARILLON_HTTP_LISTN", "x"}}), "CARILLON_HTTP_LISTN", {"unknown"}));
  CAF_CHECK(refuses(load_file("http { listn = \"x\" }\n"), "http.listn", {"unknown", "c.conf"}));
  CAF_CHECK(refuses(load_file("http { listen { deep = 1 } }\n"), "http.listen.deep", {"unknown"}));
  CAF_CHECK(refuses(load_file("listen = 1\n"), "listen", {"unknown"}));
}

CAF_TEST(variables that are not settings are left alone) {
  const auto result = load_variables({{"CARILLON_TEST_ANYTHING", "x"},
                                      {"CARILLON_SERVICE_HOST", "10.0.0.1"},
                                      {"CARILLON_PORT_8080_TCP_ADDR", "10.0.0.1"},
                                      {"CARILLON_PORT", "tcp://10.0.0.1:8080"},
                                      {"CARILLONS", "x"},
                                      {"PATH", "/bin"}});
  CAF_CHECK_EQUAL(result.report(), "");
}

CAF_TEST(flags carry their value in the same argument and the rest is handed back) {
  CAF_CHECK(refuses(load_flags({"--http.listen", "127.0.0.1:1"}), "http.listen", {"--http.listen=VALUE"}));
  load_request request;
  request.arguments = {"--print", "a-folder", "--speed=3"};
  request.own_options = {"--print", "--speed"};
  const auto result = load(request);
  CAF_REQUIRE_EQUAL(result.report(), "");
  CAF_CHECK_EQUAL(result.options, (std::vector<std::string>{"--print", "--speed=3"}));
  CAF_CHECK_EQUAL(result.positional, std::vector<std::string>{"a-folder"});
  CAF_CHECK_EQUAL(load_flags({"--delivery.total=1", "--delivery.total=2"}).value.delivery.total, 2u);
}

CAF_TEST(the base stands for keys that no source sets) {
  load_request request;
  request.base.egress.allow = {"127.0.0.0/8"};
  request.base.delivery.total = 5;
  request.arguments = {"--delivery.total=6"};
  const auto result = load(request);
  CAF_CHECK_EQUAL(result.value.egress.allow, std::vector<std::string>{"127.0.0.0/8"});
  CAF_CHECK_EQUAL(result.value.delivery.total, 6u);
}

CAF_TEST(keys that contradict each other are refused) {
  const scratch files;
  const auto pem = files.file("a.pem", "x");
  CAF_CHECK(refuses(load_flags({"--http.tls-certificate=" + pem}), "http.tls-key", {"set both or none"}));
  CAF_CHECK(refuses(load_flags({"--http.tls-key=" + pem}), "http.tls-certificate", {"set both or none"}));
  CAF_CHECK(load_flags({"--http.tls-key=" + pem, "--http.tls-certificate=" + pem}).ok());
  CAF_CHECK(refuses(load_flags({"--limits.backlog-age=4d"}), "limits.backlog-age",
                    {"4d", "retention.bodies (3d)"}));
  CAF_CHECK(load_flags({"--limits.backlog-age=3d"}).ok());
  CAF_CHECK(refuses(load_flags({"--delivery.timeout=4s"}), "delivery.connect-timeout",
                    {"5s", "delivery.timeout (4s)"}));
  CAF_CHECK(load_flags({"--delivery.timeout=5s"}).ok());
  CAF_CHECK(
      refuses(load_flags({"--http.admin-listen=127.0.0.1:8080"}), "http.admin-listen", {"http.listen"}));
  CAF_CHECK(load_flags({"--http.admin-listen=127.0.0.1:0", "--http.listen=127.0.0.1:0"}).ok());
}

namespace {

/// A member's flags; `file` stands for each PEM file, and `other` overrides or, as "--key=", takes one away.
load_result load_member(const std::string& file, const std::vector<std::string>& other) {
  std::vector<std::string> flags{"--cluster.name=north",
                                 "--cluster.etcd=http://127.0.0.1:2379",
                                 "--cluster.listen=10.0.0.1:7946",
                                 "--cluster.certificate=" + file,
                                 "--cluster.key=" + file,
                                 "--cluster.ca=" + file};
  flags.insert(flags.end(), other.begin(), other.end());
  return load_flags(flags);
}

} // namespace

CAF_TEST(a member of a cluster has all that it needs and a node alone nothing of it) {
  const scratch files;
  const auto pem = files.file("a.pem", "x");
  CAF_CHECK_EQUAL(load_member(pem, {}).report(), "");
  for (const auto* name : {"cluster.name", "cluster.etcd", "cluster.listen", "cluster.certificate", "cluster.key",
                           "cluster.ca"}) {
    CAF_CHECK(refuses(load_member(pem, {std::string{"--"} + name + "="}), name, {"is not set", "needs both"}));
  }
  CAF_CHECK(refuses(load_flags({"--cluster.name=north"}), "cluster.etcd", {"cluster.name is"}));
  CAF_CHECK(refuses(load_flags({"--cluster.advertise=node-1:7946"}), "cluster.name", {"cluster.advertise is"}));
  CAF_CHECK(load_flags({"--cluster.name=", "--cluster.etcd=[]", "--cluster.replicas=3"}).ok());
}

CAF_TEST(what a member of a cluster is called and where it is reached) {
  const scratch files;
  const auto pem = files.file("a.pem", "x");
  for (const auto& good : {std::string{"0"}, std::string{"a-b-"}, std::string(63, 'z')})
    CAF_CHECK_EQUAL(load_member(pem, {"--cluster.name=" + good}).value.cluster.name, good);
  for (const auto& bad : {std::string{"-a"}, std::string{"North"}, std::string{"a/b"}, std::string{"a b"},
                          std::string{"a_b"}, std::string(64, 'z')})
    CAF_CHECK(refuses(load_member(pem, {"--cluster.name=" + bad}), "cluster.name", {bad, "lower-case"}));
  CAF_CHECK(load_member(pem, {"--cluster.etcd=[\"https://a.example:2379\", \"http://[::1]:1/\"]"}).ok());
  for (const auto* bad : {"127.0.0.1:2379", "ftp://a:1", "http://a", "http://a:1/v3", "http://:1"})
    CAF_CHECK(refuses(load_member(pem, {std::string{"--cluster.etcd="} + bad}), "cluster.etcd", {"etcd endpoints"}));
  CAF_CHECK(load_member(pem, {"--cluster.listen=127.0.0.1:0"}).ok());
  for (const auto* bad : {"node-1:7946", "10.0.0.1", ":7946", "10.0.0.1:65536"})
    CAF_CHECK(refuses(load_member(pem, {std::string{"--cluster.listen="} + bad}), "cluster.listen", {bad}));
  CAF_CHECK(load_member(pem, {"--cluster.listen=[::]:7946", "--cluster.advertise=node-1.example:7946"}).ok());
  for (const auto* bad : {"node-1.example", "node-1.example:0", "https://node-1:1", "1.2.3:7946"})
    CAF_CHECK(refuses(load_member(pem, {std::string{"--cluster.advertise="} + bad}), "cluster.advertise", {bad}));
  for (const auto* any : {"0.0.0.0:7946", "[::]:7946"})
    CAF_CHECK(refuses(load_member(pem, {std::string{"--cluster.listen="} + any}), "cluster.advertise", {any}));
}

CAF_TEST(no shard needs more replicas than it gets) {
  for (const auto* bad : {"--cluster.replicas=0", "--cluster.replicas=6"})
    CAF_CHECK(refuses(load_flags({bad}), "cluster.replicas", {"from 1 to 5"}));
  CAF_CHECK(refuses(load_flags({"--cluster.min-replicas=0"}), "cluster.min-replicas", {"from 1 to 5"}));
  CAF_CHECK(refuses(load_flags({"--cluster.min-replicas=3"}), "cluster.min-replicas",
                    {"3 is more than cluster.replicas (2)"}));
  CAF_CHECK(refuses(load_flags({"--cluster.replicas=1"}), "cluster.min-replicas", {"cluster.replicas (1)"}));
  CAF_CHECK(load_flags({"--cluster.replicas=5", "--cluster.min-replicas=5"}).ok());
  CAF_CHECK(load_flags({"--cluster.replicas=1", "--cluster.min-replicas=1"}).ok());
}

CAF_TEST(files that can not be read are refused with key and file) {
  const scratch files;
  const auto missing = (files.folder / "missing").string();
  for (const auto* name : {"http.tls-certificate", "http.tls-key", "auth.admin-token-file",
                           "auth.master-key-file", "egress.ca-file", "cluster.certificate", "cluster.key",
                           "cluster.ca"}) {
    const auto flag = std::string{"--"} + name + "=";
    CAF_CHECK(refuses(load_flags({flag + missing}), name, {name, missing, "No such file"}));
    CAF_CHECK(refuses(load_flags({flag + files.folder.string()}), name, {name, "folder"}));
    CAF_CHECK(load_flags({flag}).ok());
  }
  CAF_CHECK(refuses(load_flags({"--config-file=" + missing}), "config-file", {missing, "No such file"}));
}

CAF_TEST(the administrator token comes from the environment or from a file) {
  const scratch files;
  const auto flag = "--auth.admin-token-file=" + files.file("token", "cat_abc\n");
  CAF_CHECK_EQUAL(load_flags({flag}).value.auth.admin_token, "cat_abc");
  CAF_CHECK_EQUAL(load_variables({{"CARILLON_ADMIN_TOKEN", "cat_def"}}).value.auth.admin_token, "cat_def");
  load_request both;
  both.arguments = {flag};
  both.environment = {{"CARILLON_ADMIN_TOKEN", "cat_def"}};
  CAF_CHECK(refuses(load(both), "auth.admin-token-file", {"CARILLON_ADMIN_TOKEN", "keep one"}));
  CAF_CHECK(refuses(load_flags({"--auth.admin-token-file=" + files.file("empty", "\n")}),
                    "auth.admin-token-file", {"one token"}));
  const auto two = load_flags({"--auth.admin-token-file=" + files.file("two", "cat_secret cat_other\n")});
  CAF_CHECK(refuses(two, "auth.admin-token-file", {"one token"}));
  CAF_CHECK_EQUAL(two.report().find("cat_secret"), std::string::npos);
}

CAF_TEST(master keys are checked without being shown) {
  const scratch files;
  const auto good = files.file("good", "2024:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
  CAF_CHECK_EQUAL(load_flags({"--auth.master-key-file=" + good}).report(), "");
  const auto result = load_flags({"--auth.master-key-file=" + files.file("bad", "2024:c2VjcmV0\n")});
  CAF_CHECK(refuses(result, "auth.master-key-file", {"auth.master-key-file", "bad", "id:base64(32 bytes)"}));
  CAF_CHECK_EQUAL(result.report().find("c2VjcmV0"), std::string::npos);
}

CAF_TEST(changes of some keys need a restart) {
  settings before;
  auto after = before;
  after.egress.deny = {"10.0.0.0/8"};
  after.log.level = log_level::debug;
  after.limits.subscriptions = 5;
  CAF_CHECK(changes_that_need_restart(before, after).empty());
  after.http.listen = {"127.0.0.1:1"};
  after.delivery.total = 1;
  CAF_CHECK_EQUAL(changes_that_need_restart(before, after),
                  (std::vector<std::string>{"http.listen", "delivery.total"}));
}

CAF_TEST(every key has its own variable) {
  std::set<std::string> names;
  for (const auto& known : all_keys())
    names.insert(environment_name(known.name));
  CAF_CHECK_EQUAL(names.size(), all_keys().size());
  CAF_CHECK_EQUAL(environment_name("http.admin-listen"), "CARILLON_HTTP_ADMIN_LISTEN");
}

CAF_TEST(durations and sizes read back as they are written) {
  for (const auto value : {0ms, 1ms, 999ms, 1'000ms, 90'000ms, 3'600'000ms, 5'400'000ms, 86'400'000ms}) {
    CAF_CHECK(parse_duration(format_duration(value)) == value);
  }
  CAF_CHECK_EQUAL(format_duration(24h), "1d");
  CAF_CHECK_EQUAL(format_duration(0ms), "0s");
  CAF_CHECK_EQUAL(format_duration(90s), "90s");
  for (const std::uint64_t bytes : {0u, 1u, 1'023u, 1'024u, 1'536u, 8'388'608u})
    CAF_CHECK_EQUAL(parse_size(format_size(bytes)).value_or(7), bytes);
  CAF_CHECK_EQUAL(format_size(68'719'476'736u), "64GiB");
}
