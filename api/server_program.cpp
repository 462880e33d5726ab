#include "api/server_program.hpp"

#include "actors/node.hpp"
#include "api/control_socket.hpp"
#include "api/service.hpp"
#include "config/load.hpp"
#include "config/logging.hpp"
#include "net/http_server.hpp"
#include "net/link_tls.hpp"
#include "net/tls_server.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <thread>

namespace carillon::api {

namespace {

using config::log_level;

/// Requests that are being answered when the listeners close: their replies are on the way by then.
constexpr std::chrono::milliseconds stop_grace{3'000};

/// Credentials looked at in one read.
constexpr std::size_t tokens_at_once = 500;

net::http_server_settings server_settings(const config::settings& s) {
  net::http_server_settings out;
  const bool split = !s.http.admin_listen.empty();
  for (const auto& address : s.http.listen)
    out.listeners.push_back({address, split ? net::listener_role::open : net::listener_role::all});
  for (const auto& address : s.http.admin_listen)
    out.listeners.push_back({address, net::listener_role::admin});
  out.threads = s.process.threads;
  out.tls_certificate = s.http.tls_certificate;
  out.tls_key = s.http.tls_key;
  out.trusted_proxies = s.http.trusted_proxies;
  out.max_connections = s.http.max_connections;
  out.header_timeout = s.http.header_timeout;
  out.body_timeout = s.http.body_timeout;
  return out;
}

/// Nobody could make an account, nor a token: there must be an administrator before the first request.
void require_administrator(const config::settings& settings, const storage::catalog& catalog) {
  if (!settings.auth.admin_token.empty())
    return;
  const auto now = domain::wall_now();
  std::string after;
  for (;;) {
    const auto some = catalog.list_tokens(after, tokens_at_once);
    for (const auto& token : some)
      if (std::find(token.scopes.begin(), token.scopes.end(), storage::credential_scope::admin) !=
              token.scopes.end() &&
          (!token.expires_at || *token.expires_at > now))
        return;
    if (some.size() < tokens_at_once)
      break;
    after = some.back().id;
  }
  throw std::runtime_error{
      "nobody could administer this node: set auth.admin-token-file or CARILLON_ADMIN_TOKEN to a "
      "token of your choice"};
}

double expiry_of(const config::settings& settings) {
  const net::tls_server tls{settings.http.tls_certificate, settings.http.tls_key};
  return std::chrono::duration<double>(tls.expiry().time_since_epoch()).count();
}

} // namespace

crypto::key_ring read_master_keys(const config::settings& settings) {
  const auto& path = settings.auth.master_key_file;
  if (path.empty())
    throw std::runtime_error{
        "auth.master-key-file is not set: secrets are encrypted at rest and need a key; write a "
        "line \"id:base64(32 bytes)\" into a file, for instance with: "
        "echo \"first:$(head -c 32 /dev/urandom | base64)\" > master.keys"};
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file)
    throw std::runtime_error{"auth.master-key-file: " + path + " can't be read"};
  try {
    return crypto::key_ring::parse(text);
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error{"auth.master-key-file: " + path + ": " + e.what()};
  }
}

struct server_program::impl {
  impl(std::shared_ptr<const config::settings> s, crypto::key_ring keys,
       std::function<void(std::string)> fatal)
      : settings{std::move(s)}, running{std::in_place, settings, std::move(keys), std::move(fatal)} {
    require_administrator(*settings, running->catalog());
    surface = std::make_shared<service>(*running);
    server.emplace(server_settings(*settings), surface);
    auto& counts = running->counts();
    counts.gauge("carillon_connections", "Open connections", "side", "http",
                 [this] { return static_cast<double>(server->connections()); });
    if (!settings->http.tls_certificate.empty()) {
      certificate_expiry = expiry_of(*settings);
      counts.gauge("carillon_certificate_expiry_timestamp_seconds", "When the listeners' certificate ends",
                   "", "", [this] { return certificate_expiry.load(); });
    }
  }

  ~impl() {
    control.reset();
    if (server)
      server->stop(std::chrono::milliseconds{0});
    if (surface)
      surface->stop_answering_peers(std::chrono::milliseconds{0});
    // Before the server: what the node still answers resumes the server's coroutines.
    running.reset();
    server.reset();
    surface.reset();
  }

  std::shared_ptr<const config::settings> settings;
  std::atomic<double> certificate_expiry{0};
  std::optional<actors::node> running;
  std::shared_ptr<service> surface;
  std::optional<net::http_server> server;
  std::unique_ptr<control_socket> control;
};

server_program::server_program(std::shared_ptr<const config::settings> settings, crypto::key_ring keys,
                               std::function<void(std::string)> fatal)
    : impl_{std::make_unique<impl>(std::move(settings), std::move(keys), std::move(fatal))} {}

server_program::~server_program() = default;

void server_program::start() {
  auto& node = *impl_->running;
  impl_->control = std::make_unique<control_socket>(impl_->settings->storage.directory,
                                                    [&node](const std::string& to) { node.backup(to); });
  impl_->server->start();
}

std::vector<std::string> server_program::urls() const {
  return impl_->server->urls();
}

actors::node& server_program::node() {
  return *impl_->running;
}

void server_program::reload(std::shared_ptr<const config::settings> settings) {
  if (const auto fixed = config::changes_that_need_restart(*impl_->settings, *settings); !fixed.empty()) {
    std::string names;
    for (const auto& name : fixed)
      names += (names.empty() ? "" : ", ") + name;
    throw std::runtime_error{"only a restart changes " + names};
  }
  const bool tls = !settings->http.tls_certificate.empty();
  // Judged before anything is changed, so that all of the reload happens or nothing.
  const auto expiry = tls ? expiry_of(*settings) : 0;
  if (const auto& cluster = settings->cluster; !cluster.name.empty())
    net::load_link_tls(cluster.certificate, cluster.key, cluster.ca);
  std::optional<crypto::key_ring> keys;
  if (!settings->auth.master_key_file.empty())
    keys = read_master_keys(*settings);
  impl_->running->reload(settings);
  if (keys)
    impl_->running->replace_keys(*keys);
  if (tls)
    impl_->server->reload_certificates();
  impl_->certificate_expiry = expiry;
  config::set_log_level(settings->log.level);
  impl_->settings = std::move(settings);
}

bool server_program::stop() {
  impl_->surface->stop_being_ready();
  std::this_thread::sleep_for(impl_->settings->shutdown.delay);
  impl_->surface->flush();
  const bool orderly = impl_->running->drain(impl_->settings->shutdown.timeout);
  impl_->control.reset();
  impl_->server->stop(stop_grace);
  impl_->surface->stop_answering_peers(stop_grace);
  return orderly;
}

} // namespace carillon::api
