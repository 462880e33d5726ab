#pragma once

#include "net/delivery_engine.hpp"
#include "net/egress_policy.hpp"
#include "net/target.hpp"
#include "tests/unit/tls_fixture.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// An engine that may post to the loopback, and whoever waits for its outcomes.
namespace delivery_fixture {

using namespace carillon;
using namespace carillon::net;
using domain::boot_clock;
using domain::delivery_result;
using domain::failure_class;
using domain::notification_state;

/// Waits until `condition` holds; gives up after a time that no working code needs.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return false;
}

inline const tls_fixture::identity& authority() {
  static const auto made = tls_fixture::make_identity({.common_name = "Test CA", .authority = true});
  return made;
}

inline const tls_fixture::identity& localhost() {
  static const auto made = tls_fixture::make_identity(
      {.common_name = "localhost", .alternative_names = "DNS:localhost,IP:127.0.0.1"}, &authority());
  return made;
}

inline std::shared_ptr<const egress_policy> local_policy() {
  return std::make_shared<const egress_policy>(egress_settings{.allow = {"127.0.0.0/8", "::1/128"}, .ports = {}});
}

struct post_options {
  std::chrono::milliseconds deadline{10'000};
  bool insecure = false;
  std::string headers{};
  std::string body = R"({"hello":"world"})";
};

class client {
public:
  explicit client(delivery_engine_settings settings = {}, std::shared_ptr<const egress_policy> policy = local_policy())
      : ca_{tls_fixture::to_pem(authority())} {
    settings.extra_ca_file = ca_.path();
    engine = std::make_unique<delivery_engine>(settings, std::move(policy), [this](std::vector<delivery_outcome> some) {
      const std::lock_guard guard{mutex_};
      ++calls_;
      for (auto& one : some) {
        ++seen_[one.token];
        results_[one.token] = std::move(one.result);
      }
      changed_.notify_all();
      return false;
    });
  }

  delivery_job job(const std::string& url, const post_options& options = {}) {
    // What a receiver's URL may be is not the matter here, but where the engine really connects to.
    static const egress_policy anything{{.allow = {"0.0.0.0/0", "::/0"}, .ports = {}}};
    auto target = parse_target(url, anything);
    if (!target)
      throw std::runtime_error(target.error);
    delivery_job made;
    made.owner = 7;
    made.token = next_token();
    made.target = target.target;
    made.headers = options.headers;
    made.body = options.body;
    made.insecure_ssl = options.insecure;
    made.deadline = boot_clock::now() + options.deadline;
    return made;
  }

  std::uint64_t next_token() { return ++last_token_; }

  std::uint64_t submit(const std::string& url, const post_options& options = {}) {
    auto made = job(url, options);
    const auto token = made.token;
    std::vector<delivery_job> jobs;
    jobs.push_back(std::move(made));
    engine->submit(std::move(jobs));
    return token;
  }

  delivery_result wait(std::uint64_t token) {
    std::unique_lock guard{mutex_};
    if (!changed_.wait_for(guard, std::chrono::seconds{60}, [&] { return results_.contains(token); }))
      throw std::runtime_error("no outcome");
    return results_[token];
  }

  delivery_result post(const std::string& url, const post_options& options = {}) { return wait(submit(url, options)); }

  bool wait_for_all(std::size_t count) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, std::chrono::seconds{120}, [&] { return results_.size() >= count; });
  }

  /// How often an outcome was reported for each token.
  std::map<std::uint64_t, int> seen() {
    const std::lock_guard guard{mutex_};
    return seen_;
  }

  const std::string& ca_file() const { return ca_.path(); }

private:
  tls_fixture::temporary_file ca_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, delivery_result> results_;
  std::map<std::uint64_t, int> seen_;
  int calls_ = 0;
  std::uint64_t last_token_ = 0;

public:
  std::unique_ptr<delivery_engine> engine; ///< goes first: its outcomes come in until then
};

/// A script that answers every request with 200 and counts.
inline tls_fixture::server_script answer_all(tls_fixture::server*& self) {
  return {.serve = [&self](tls_fixture::peer& client) {
    while (client.read_request()) {
      ++self->requests;
      if (!client.answer(200))
        return;
    }
  }};
}

} // namespace delivery_fixture
