// What a DNS name that never answers does to POSTs to other names. No key of the configuration sets name
// servers, so the delivery engine plays alone, with a name server of ours.
#include "bench/event_text.hpp"
#include "bench/name_server.hpp"
#include "bench/openssl_tool.hpp"
#include "bench/rows.hpp"

#include "net/delivery_engine.hpp"
#include "net/egress_policy.hpp"
#include "net/target.hpp"

#include <array>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;
using domain::boot_clock;

constexpr std::size_t living_names = 8;
constexpr auto interval = 1ms;          ///< between two jobs to living names
constexpr std::uint64_t dead_each = 10; ///< of them, one more job goes to the dead one
constexpr auto deadline = 1500ms;
constexpr int turns = 3; ///< without and with, in turn: what else the machine does meets both
constexpr double wanted_ratio = 1.1;

class players {
public:
  players(const sink& receiver, const name_server& names, const own_certificate& trusted)
      : policy_(std::make_shared<net::egress_policy>(policy())),
        engine_(settings_of(names, trusted), policy_,
                [this](const std::vector<net::delivery_outcome>& ended) {
                  note(ended);
                  return false;
                }) {
    for (std::size_t i = 0; i < living_names; ++i)
      living_.push_back(target("name" + std::to_string(i), receiver.port()));
    dead_ = target("dead", receiver.port());
  }

  /// Nanoseconds from each job's submission to its outcome, of those to living names.
  std::vector<std::int64_t> play(std::chrono::milliseconds time, bool with_dead) {
    {
      const std::lock_guard lock{mutex_};
      spans_.clear();
    }
    auto next = boot_clock::now();
    for (const auto end = next + time; next < end; next += interval) {
      std::this_thread::sleep_for(next - boot_clock::now());
      std::vector<net::delivery_job> jobs;
      jobs.push_back(job(living_[submitted_ % living_.size()], boot_clock::now(), false));
      if (with_dead && submitted_ % dead_each == 0)
        jobs.push_back(job(dead_, boot_clock::now(), true));
      ++submitted_;
      engine_.submit(std::move(jobs));
    }
    std::this_thread::sleep_for(deadline + 500ms);
    const std::lock_guard lock{mutex_};
    if (failed_ > 0 || ended_ != submitted_)
      throw std::runtime_error(std::to_string(failed_) + " of " + std::to_string(submitted_) +
                               " POSTs to living names failed, " + std::to_string(ended_) + " ended");
    return spans_;
  }

  std::uint64_t dead_ended() const {
    const std::lock_guard lock{mutex_};
    return dead_ended_;
  }

private:
  static net::delivery_engine_settings settings_of(const name_server& names, const own_certificate& trusted) {
    net::delivery_engine_settings settings;
    settings.nameservers = names.address();
    settings.extra_ca_file = trusted.certificate.string();
    return settings;
  }
  static net::egress_settings policy() {
    net::egress_settings settings;
    settings.allow = {"127.0.0.1/32"};
    settings.ports = {};
    return settings;
  }
  std::shared_ptr<const net::delivery_target> target(const std::string& name, std::uint16_t port) const {
    const auto read =
        net::parse_target("https://" + name + ".bench.test:" + std::to_string(port) + "/x", *policy_);
    if (!read)
      throw std::runtime_error(read.error);
    return read.target;
  }

  static net::delivery_job job(const std::shared_ptr<const net::delivery_target>& to, domain::boot_time now,
                               bool dead) {
    net::delivery_job made;
    made.owner = dead ? 1 : 0;
    made.token = static_cast<std::uint64_t>(now.time_since_epoch().count());
    made.target = to;
    made.body = sample_notification();
    made.deadline = now + deadline;
    return made;
  }

  void note(const std::vector<net::delivery_outcome>& ended) {
    const auto now = boot_clock::now().time_since_epoch().count();
    const std::lock_guard lock{mutex_};
    for (const auto& one : ended) {
      if (one.owner == 1) {
        ++dead_ended_;
        continue;
      }
      ++ended_;
      if (one.result.state != domain::notification_state::delivered)
        ++failed_;
      spans_.push_back(now - static_cast<std::int64_t>(one.token));
    }
  }

  mutable std::mutex mutex_;
  std::vector<std::int64_t> spans_;
  std::uint64_t submitted_ = 0, ended_ = 0, failed_ = 0, dead_ended_ = 0;
  std::vector<std::shared_ptr<const net::delivery_target>> living_;
  std::shared_ptr<const net::delivery_target> dead_;
  std::shared_ptr<const net::egress_policy> policy_;
  net::delivery_engine engine_; ///< last: its thread calls `note`
};

} // namespace

void measure_dead_name(stage& on, figures& into) {
  const name_server names;
  const auto certificate = make_own_certificate(on.folder() / "own", "DNS:*.bench.test");
  ledger unused;
  sink_settings settings;
  settings.certificate = certificate.certificate;
  settings.key = certificate.key;
  const sink receiver{settings, unused};
  players all{receiver, names, certificate};
  all.play(500ms, false); // connections, sessions
  std::array<std::vector<std::int64_t>, 2> spans;
  for (int turn = 0; turn < turns; ++turn)
    for (const bool with_dead : {false, true}) {
      const auto more = all.play(on.how_long().measured / 2, with_dead);
      auto& to = spans[with_dead ? 1 : 0];
      to.insert(to.end(), more.begin(), more.end());
    }
  if (all.dead_ended() == 0 || names.ignored() == 0)
    throw std::runtime_error("the dead name was not asked for");
  const auto alone = quantile(spans[0], 0.99) / 1e6, beside = quantile(spans[1], 0.99) / 1e6;
  into.add("POST to other names, p50", unit::milliseconds, quantile(spans[0], 0.50) / 1e6);
  into.add("the same beside a dead name, p50", unit::milliseconds, quantile(spans[1], 0.50) / 1e6);
  into.add("POST to other names, p99", unit::milliseconds, alone);
  into.add("the same beside a dead name, p99", unit::milliseconds, beside);
  into.add("ratio: p99 beside a dead name over alone", unit::times, beside / alone, at_most(wanted_ratio));
  into.add("questions that were never answered", unit::count, static_cast<double>(names.ignored()));
}

} // namespace carillon::bench
