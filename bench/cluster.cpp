#include "bench/cluster.hpp"

#include "storage/store.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto settle_timeout = 90s;
constexpr auto look_pause = 50ms;
/// Each node's links have an address of their own, which the certificate names.
constexpr std::size_t most_nodes = 4;
constexpr const char* addresses = "IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:127.0.0.4";

/// A node's id is made with its store.
std::string make_store(const std::filesystem::path& folder) {
  storage::store_settings settings;
  settings.directory = store_in(folder).string();
  return storage::store{settings}.identity().uuid;
}

} // namespace

cluster::cluster(node_settings settings, std::size_t size)
    : settings_(std::move(settings)),
      certificate_(make_own_certificate(settings_.folder / "links", addresses)),
      configuration_(settings_.folder / "etcd") {
  prepare_folder(settings_.folder); // the keys that all nodes have
  for (std::size_t i = 0; i < size; ++i)
    add();
  for (auto& m : members_)
    launch(m);
  for (auto* n : running())
    n->wait_ready();
  wait_settled();
}

std::vector<node*> cluster::running() const {
  std::vector<node*> out;
  for (const auto& m : members_)
    if (m.process)
      out.push_back(m.process.get());
  return out;
}

std::size_t cluster::add() {
  const auto number = members_.size() + 1;
  if (number > most_nodes)
    throw std::runtime_error("the cluster's certificate names no more nodes");
  member m;
  m.folder = settings_.folder / ("node" + std::to_string(number));
  std::filesystem::create_directories(m.folder);
  std::filesystem::copy_file(keys_in(settings_.folder), keys_in(m.folder));
  m.id = make_store(m.folder);
  m.link = "127.0.0." + std::to_string(number) + ":" + std::to_string(free_port());
  members_.push_back(std::move(m));
  return number - 1;
}

void cluster::launch(member& m) const {
  auto settings = settings_;
  settings.folder = m.folder;
  settings.flags = {"--http.listen=127.0.0.1:" + std::to_string(m.port),
                    "--cluster.name=bench",
                    "--cluster.etcd=[\"" + configuration_.url() + "\"]",
                    "--cluster.listen=" + m.link,
                    "--cluster.certificate=" + certificate_.certificate.string(),
                    "--cluster.key=" + certificate_.key.string(),
                    "--cluster.ca=" + certificate_.certificate.string()};
  settings.flags.insert(settings.flags.end(), settings_.flags.begin(), settings_.flags.end());
  m.process = std::make_unique<node>(settings);
  m.port = m.process->port();
}

void cluster::start(std::size_t which) {
  launch(members_[which]);
  at(which).wait_ready();
}

void cluster::kill(std::size_t which) {
  std::exchange(members_[which].process, nullptr)->kill();
}

void cluster::kill_all() {
  for (std::size_t i = 0; i < size(); ++i)
    if (runs(i))
      kill(i);
}

cluster_look cluster::look() const {
  const auto said = nlohmann::json::parse(running().front()->call("GET", "/v1/cluster"));
  cluster_look seen;
  for (const auto& s : said.at("shards")) {
    auto& shard = seen.shards[s.at("shard").get<int>()];
    shard.primary = s.at("primary").get<std::string>();
    for (const auto& m : s.at("members"))
      shard.members[m.at("node").get<std::string>()] = m.at("role").get<std::string>();
  }
  seen.nodes = said.at("nodes").size();
  seen.settled = said.at("healthy").get<bool>() && said.at("moves").empty() && seen.nodes == running().size();
  return seen;
}

void cluster::wait_settled() const {
  const auto until = std::chrono::steady_clock::now() + settle_timeout;
  while (!look().settled) {
    for (auto* n : running())
      n->check_alive();
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error("the cluster doesn't get healthy");
    std::this_thread::sleep_for(look_pause);
  }
}

} // namespace carillon::bench
