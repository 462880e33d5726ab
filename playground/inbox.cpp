#include "playground/inbox.hpp"

#include "crypto/base64.hpp"
#include "domain/rfc3339.hpp"
#include "net/http_server.hpp"
#include "net/task_loop.hpp"
#include "playground/inbox_behaviour.hpp"
#include "playground/inbox_signature.hpp"
#include "playground/test_ca.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <deque>
#include <mutex>
#include <stdexcept>

namespace carillon::playground {

namespace {

using nlohmann::ordered_json;

/// Most arrivals in one answer, and how many when the request doesn't say.
constexpr std::size_t most_listed = 10'000;
constexpr std::size_t usually_listed = 100;

/// Header values may hold bytes that aren't UTF-8; nlohmann's dump would throw on them.
std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_utf8(const std::string& text) {
  try {
    (void)ordered_json(text).dump();
    return true;
  } catch (const ordered_json::exception&) {
    return false;
  }
}

const char* name_of(signature_state state) {
  switch (state) {
  case signature_state::valid:
    return "valid";
  case signature_state::invalid:
    return "invalid";
  default:
    return "unchecked";
  }
}

ordered_json as_json(const arrival& entry) {
  ordered_json json{{"number", entry.number},
                    {"boot_ns", entry.received.time_since_epoch().count()},
                    {"time", domain::format_rfc3339(entry.received_at)},
                    {"path", entry.path},
                    {"status", entry.status},
                    {"signature", name_of(entry.signature)},
                    {"webhook_id", entry.field("webhook-id")},
                    {"webhook_timestamp", entry.field("webhook-timestamp")},
                    {"webhook_signature", entry.field("webhook-signature")}};
  auto& headers = json["headers"] = ordered_json::object();
  for (const auto& [name, value] : entry.fields)
    headers[name] = value;
  if (is_utf8(entry.body))
    json["body"] = entry.body;
  else
    json["body_base64"] = crypto::base64_encode(entry.body);
  return json;
}

/// Whether `/name` stands in `path` as whole parts: "/a" is in "/x/a/b", not in "/ab".
bool has_part(std::string_view path, std::string_view name) {
  const std::string wanted = "/" + std::string{name};
  for (auto at = path.find(wanted); at != std::string_view::npos; at = path.find(wanted, at + 1))
    if (at + wanted.size() == path.size() || path[at + wanted.size()] == '/')
      return true;
  return false;
}

net::http_response text_response(int status, std::string body) {
  net::http_response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  if (!response.body.empty())
    response.body += '\n';
  return response;
}

/// Remembers arrivals, in memory and in the ledger. Thread-safe.
class arrival_log {
public:
  explicit arrival_log(const inbox_settings& settings)
      : kept_(settings.kept), kept_bytes_(settings.kept_bytes), on_arrival_(settings.on_arrival) {
    if (settings.ledger.empty())
      return;
    ledger_.reset(std::fopen(settings.ledger.c_str(), "ae"));
    if (!ledger_)
      throw std::runtime_error("can't write the ledger " + settings.ledger.string());
  }

  void add(arrival entry) {
    const std::lock_guard lock{mutex_};
    entry.number = ++count_;
    if (ledger_) {
      const auto line = to_json(entry) + "\n";
      std::fwrite(line.data(), 1, line.size(), ledger_.get());
      std::fflush(ledger_.get());
    }
    if (on_arrival_)
      on_arrival_(entry);
    bytes_ += entry.body.size();
    entries_.push_back(std::move(entry));
    while (!entries_.empty() && (entries_.size() > kept_ || bytes_ > kept_bytes_)) {
      bytes_ -= entries_.front().body.size();
      entries_.pop_front();
    }
  }

  std::uint64_t count() const {
    const std::lock_guard lock{mutex_};
    return count_;
  }

  std::vector<arrival> all() const {
    const std::lock_guard lock{mutex_};
    return {entries_.begin(), entries_.end()};
  }

  /// The latest `most` whose path has `name` in it (all when it is empty), newest first.
  std::string list(std::string_view name, std::size_t most) const {
    const std::lock_guard lock{mutex_};
    auto data = ordered_json::array();
    for (auto entry = entries_.rbegin(); entry != entries_.rend() && data.size() < most; ++entry)
      if (name.empty() || has_part(entry->path, name))
        data.push_back(as_json(*entry));
    return dump({{"data", std::move(data)}, {"arrivals", count_}}) + "\n";
  }

private:
  struct closes {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  const std::size_t kept_;
  const std::size_t kept_bytes_;
  const std::function<void(const arrival&)> on_arrival_;
  mutable std::mutex mutex_;
  std::unique_ptr<std::FILE, closes> ledger_;
  std::deque<arrival> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t count_ = 0;
};

class inbox_service : public net::http_service {
public:
  inbox_service(const inbox_settings& settings, std::shared_ptr<arrival_log> log)
      : max_body_(settings.max_body), log_(std::move(log)), check_(settings.secrets, settings.signatures) {}

  std::variant<accept_body, net::http_response> on_head(const net::http_request&) override {
    return accept_body{max_body_};
  }

  net::task<net::http_response> handle(net::http_request& request) override {
    if (request.method == "GET" || request.method == "HEAD")
      co_return list(request);
    if (request.method != "POST") {
      auto response = text_response(405, "POST something, or GET / to see what came");
      response.fields.add("Allow", "GET, HEAD, POST");
      co_return response;
    }
    const auto behaviour = behaviour_of(request);
    record(request, behaviour.status);
    if (behaviour.delay.count() > 0) {
      net::pause_for delay{behaviour.delay};
      co_await delay;
    }
    auto response = text_response(behaviour.status, behaviour.note);
    if (!behaviour.retry_after.empty())
      response.fields.add("Retry-After", behaviour.retry_after);
    if (!behaviour.location.empty())
      response.fields.add("Location", behaviour.location);
    co_return response;
  }

  net::http_response protocol_error(const net::http_request&, int status, std::string detail) override {
    return text_response(status, std::move(detail));
  }

  void on_answered(const net::http_request&, const net::http_response&, double) override {}

private:
  void record(net::http_request& request, int status) {
    arrival entry;
    entry.received = domain::boot_clock::now();
    entry.received_at = domain::wall_now();
    entry.path = request.path;
    for (const auto& [name, value] : request.fields) {
      std::string lower{name};
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      entry.fields.emplace_back(std::move(lower), value);
    }
    entry.body = std::move(request.body);
    entry.status = status;
    entry.signature = check_(entry);
    log_->add(std::move(entry));
  }

  net::http_response list(const net::http_request& request) const {
    std::string name;
    if (request.path.starts_with("/inbox/") && request.path.size() > 7)
      name = request.path.substr(7);
    else if (request.path != "/")
      return text_response(404, "GET / lists what came, GET /inbox/{name} what came for a name");
    std::size_t most = usually_listed;
    if (const auto limit = request.query_value("limit"))
      std::from_chars(limit->data(), limit->data() + limit->size(), most);
    net::http_response response;
    response.body = log_->list(name, std::min(most, most_listed));
    return response;
  }

  const std::size_t max_body_;
  const std::shared_ptr<arrival_log> log_;
  const signature_check check_;
};

} // namespace

std::string arrival::field(std::string_view name) const {
  for (const auto& [field_name, value] : fields)
    if (field_name == name)
      return value;
  return {};
}

std::string to_json(const arrival& entry) {
  return dump(as_json(entry));
}

class inbox::impl {
public:
  explicit impl(const inbox_settings& settings)
      : files_(make_test_ca(settings.ca_directory)), log_(std::make_shared<arrival_log>(settings)) {
    net::http_server_settings server;
    server.listeners = {{settings.listen, net::listener_role::all}};
    server.threads = settings.threads;
    server.tls_certificate = files_.certificate.string();
    server.tls_key = files_.key.string();
    server_ = std::make_unique<net::http_server>(std::move(server),
                                                 std::make_shared<inbox_service>(settings, log_));
    server_->start();
  }

  const test_ca_files files_;
  const std::shared_ptr<arrival_log> log_;
  std::unique_ptr<net::http_server> server_;
};

inbox::inbox(inbox_settings settings) : impl_(std::make_unique<impl>(settings)) {}
inbox::~inbox() {
  stop();
}

std::string inbox::url() const {
  return impl_->server_->urls().front();
}
const std::filesystem::path& inbox::authority() const {
  return impl_->files_.authority;
}
std::uint64_t inbox::count() const {
  return impl_->log_->count();
}
std::vector<arrival> inbox::arrivals() const {
  return impl_->log_->all();
}
void inbox::stop() {
  impl_->server_->stop(std::chrono::seconds{1});
}

} // namespace carillon::playground
