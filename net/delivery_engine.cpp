#include "net/delivery_engine.hpp"

#include "net/delivery_connection.hpp"
#include "net/dns_resolver.hpp"
#include "net/egress_policy.hpp"
#include "net/event_loop.hpp"
#include "net/silent_targets.hpp"
#include "net/target.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <iterator>
#include <mutex>
#include <openssl/err.h>
#include <pthread.h>
#include <thread>
#include <unordered_map>

namespace carillon::net {

using domain::boot_clock;
using domain::failure_class;
using domain::notification_state;

namespace {

constexpr std::size_t max_detail = 200;   // bytes, as `delivery_result` promises
constexpr const char* too_late = "the deadline passed before the first byte";
constexpr std::size_t max_addresses = 16; // of a name that are tried; all are judged
constexpr std::size_t outcomes_at_once = 128;
constexpr std::chrono::milliseconds keep_back{1}; // before the sink is asked again what it keeps back
constexpr int most_held_turns = 4;             // of the loop that outcomes wait for others
constexpr std::size_t roomy_connections = 512; // of which each may keep its buffers of about 34 KB
constexpr std::size_t min_pools = 4096;        // origins whose TLS sessions are remembered, at least

std::uint32_t milliseconds_since(domain::boot_time begin) {
  const auto took = boot_clock::now() - begin;
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

} // namespace

class delivery_engine::impl final : public connection_owner, public exchange::owner {
public:
  impl(delivery_engine_settings settings, std::shared_ptr<const egress_policy> policy, outcome_sink sink)
      : settings_{std::move(settings)}, policy_{std::move(policy)}, sink_{std::move(sink)},
        tls_{std::make_shared<const tls_client>(settings_.extra_ca_file)},
        resolver_{loop_, dns_settings{.nameservers = settings_.nameservers}} {
    thread_ = std::thread{[this] { run(); }};
  }

  ~impl() {
    {
      const std::lock_guard guard{mutex_};
      end_asked_ = true;
    }
    loop_.wake();
    thread_.join();
  }

  void submit(std::vector<delivery_job> jobs) {
    {
      const std::lock_guard guard{mutex_};
      if (inbox_.empty())
        inbox_ = std::move(jobs);
      else
        std::move(jobs.begin(), jobs.end(), std::back_inserter(inbox_));
    }
    loop_.wake();
  }

  void reload(std::shared_ptr<const egress_policy> policy, const std::string& extra_ca_file) {
    auto tls = std::make_shared<const tls_client>(extra_ca_file);
    {
      const std::lock_guard guard{mutex_};
      next_policy_ = std::move(policy);
      next_tls_ = std::move(tls);
    }
    loop_.wake();
  }

  std::size_t connections() const noexcept { return connection_count_.load(std::memory_order_relaxed); }

private:
  using pool_map = std::unordered_map<std::string, std::shared_ptr<delivery_pool>>;

  struct pace_tick final : timer_entry {
    explicit pace_tick(impl& of) : engine{of} {}
    void on_due() override { engine.on_pace_tick(); }
    impl& engine;
  };

  // --- the loop
  // ---------------------------------------------------------------------------------------------------

  void run() {
    // OpenSSL writes with write(): a receiver that is gone must be an error, not a signal.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    pthread_setname_np(pthread_self(), "delivery");
    while (!stopping_) {
      // Nothing behind this line expects errors of before in OpenSSL's queue.
      ERR_clear_error();
      const auto ready = loop_.turn(outcomes_.empty(), kept_back_ ? keep_back : event_loop::any_time);
      closed_.clear();
      drain();
      open_connections();
      // Outcomes go when nothing more is ready, or soon: each call wakes somebody up.
      if (!outcomes_.empty() &&
          (ready == 0 || outcomes_.size() >= outcomes_at_once || ++held_turns_ >= most_held_turns))
        flush();
      else if (kept_back_ && boot_clock::now() >= keep_back_until_)
        flush();
    }
  }

  void drain() {
    std::vector<delivery_job> jobs;
    std::shared_ptr<const egress_policy> policy;
    std::shared_ptr<const tls_client> tls;
    bool end = false;
    {
      const std::lock_guard guard{mutex_};
      jobs.swap(inbox_);
      policy.swap(next_policy_);
      tls.swap(next_tls_);
      end = end_asked_;
    }
    // First, so that no job sees an older policy than its submitter did.
    if (policy)
      apply(std::move(policy), std::move(tls));
    stopping_ = end;
    for (auto& job : jobs)
      start(std::move(job));
    if (stopping_)
      shut_down();
  }

  void apply(std::shared_ptr<const egress_policy> policy, std::shared_ptr<const tls_client> tls) {
    policy_ = std::move(policy);
    tls_ = std::move(tls);
    std::vector<std::unique_ptr<exchange>> waiting;
    for (auto& pools : pools_)
      for (auto& [origin, pool] : std::exchange(pools, {})) {
        pool->retired = true;
        pool->session.session.reset();
        while (!pool->waiting.empty())
          waiting.push_back(take_waiting(*pool->waiting.begin()->second));
        while (!pool->idle.empty())
          pool->idle.back()->close();
      }
    try {
      resolver_.reload();
    } catch (const std::exception&) {
      // The name servers from before stay in use.
    }
    for (auto& next : waiting)
      place(std::move(next));
  }

  // --- a job's way
  // ------------------------------------------------------------------------------------------------

  void start(delivery_job job) {
    auto next = std::make_unique<exchange>(*this, std::move(job));
    if (stopping_)
      return finish(std::move(next), {failure_class::timeout, "shutting down"});
    if (boot_clock::now() >= next->job.deadline)
      return finish(std::move(next), {failure_class::timeout, too_late});
    if (auto why = policy_->judge_port(next->job.target->port))
      return finish(std::move(next), {failure_class::egress, *why});
    loop_.timers().arm(*next, next->job.deadline);
    place(std::move(next));
  }

  /// Has it sent over an idle connection, or wait for one.
  void place(std::unique_ptr<exchange> next) {
    if (send_over_idle(*pool_for(next->job), next))
      return;
    const auto& target = *next->job.target;
    if (target.literal)
      return wait_for_connection(std::move(next), {*target.literal});
    next->phase_start = boot_clock::now();
    const auto id = next->id = ++last_id_;
    if (const auto answer = resolver_.resolve(target.host, [this, id](const dns_answer& later) {
          if (auto node = resolving_.extract(id); !node.empty())
            on_resolved(std::move(node.mapped()), later);
        }))
      return on_resolved(std::move(next), *answer);
    resolving_.emplace(id, std::move(next));
  }

  void on_resolved(std::unique_ptr<exchange> next, const dns_answer& answer) {
    next->result.timing.dns = milliseconds_since(next->phase_start);
    if (!answer.error.empty())
      return finish(std::move(next), {failure_class::dns, answer.error});
    // Meanwhile another job's connection may have become free.
    if (send_over_idle(*pool_for(next->job), next))
      return;
    wait_for_connection(std::move(next), answer.addresses);
  }

  /// Hands the exchange to the connection that was used last, if one is still good; takes it then.
  bool send_over_idle(delivery_pool& pool, std::unique_ptr<exchange>& next) {
    while (!pool.idle.empty()) {
      auto* connection = pool.idle.back();
      if (!connection->usable()) {
        connection->close(); // leaves the pool, if it hasn't already
        continue;
      }
      pool.idle.pop_back();
      --idle_total_;
      connection->send(std::move(next));
      return true;
    }
    return false;
  }

  void wait_for_connection(std::unique_ptr<exchange> next, std::vector<boost::asio::ip::address> addresses) {
    if (auto why = policy_->judge(addresses))
      return finish(std::move(next), {failure_class::egress, *why});
    if (addresses.size() > max_addresses)
      addresses.resize(max_addresses);
    const auto& pool = pool_for(next->job);
    pool->addresses = std::move(addresses);
    next->pool = pool.get();
    next->phase_start = boot_clock::now();
    const auto id = next->id = ++last_id_;
    pool->waiting.emplace(id, std::move(next));
    may_open_ = true;
    if (!std::exchange(pool->listed, true))
      lacking_.push_back(pool);
  }

  std::unique_ptr<exchange> take_waiting(exchange& first) override {
    auto next = std::move(first.pool->waiting.extract(first.id).mapped());
    next->pool = nullptr;
    if (auto* connection = std::exchange(next->connection, nullptr))
      connection->release();
    next->result.timing.connect = milliseconds_since(next->phase_start);
    return next;
  }

  // --- opening connections
  // ------------------------------------------------------------------------------------------

  /// Begins as many as the paces allow. At the end of a turn, because one may fail at once.
  void open_connections() {
    if (!std::exchange(may_open_, false))
      return;
    for (const auto& pool : lacking_)
      while (pool->lacks() && pool->pace.try_begin())
        open(pool);
    if (!lacking_.empty() && !pace_tick_.is_linked())
      loop_.timers().arm(pace_tick_, boot_clock::now());
  }

  void open(const std::shared_ptr<delivery_pool>& pool) {
    auto made = std::make_unique<delivery_connection>(*this, pool);
    auto* connection = made.get();
    all_.emplace(connection, std::move(made));
    connection_count_.fetch_add(1, std::memory_order_relaxed);
    auto& first = *pool->waiting.upper_bound(pool->opened_up_to)->second;
    pool->opened_up_to = first.id;
    connection->open(first);
  }

  void on_pace_tick() {
    const auto now = boot_clock::now();
    for (const auto& pool : lacking_) {
      const auto lacking = pool->lacking();
      const auto until = lacking > 0 ? pool->waiting.begin()->second->job.deadline : now;
      pool->listed = pool->pace.tick(lacking, until - now);
    }
    std::erase_if(lacking_, [](const auto& pool) { return !pool->listed; });
    may_open_ = true;
  }

  const std::shared_ptr<delivery_pool>& pool_for(const delivery_job& job) {
    const bool insecure = job.insecure_ssl && policy_->allow_insecure_ssl();
    const bool to_silent = silent_.contains(job.target);
    auto& pools = pools_[(insecure ? 1 : 0) + (to_silent ? 2 : 0)];
    auto& pool = pools[job.target->origin];
    if (pool == nullptr) {
      pool = std::make_shared<delivery_pool>(insecure ? certificate_mode::insecure : certificate_mode::verify,
                                             to_silent);
      if (pools.size() > pool_limit_) {
        std::erase_if(pools, [&](const auto& entry) {
          return entry.second->connections == 0 && entry.second->waiting.empty() && entry.second != pool;
        });
        pool_limit_ = std::max(min_pools, pools.size() * 2);
      }
    }
    return pool;
  }

  void finish(std::unique_ptr<exchange> done, delivery_failure why) {
    auto& result = done->result;
    result.state = notification_state::failed;
    result.error = why.what;
    result.detail = to_valid_utf8(why.detail, max_detail);
    result.ended = boot_clock::now();
    report(std::move(done));
  }

  void report(std::unique_ptr<exchange> done) {
    outcomes_.push_back({done->job.owner, done->job.token, std::move(done->result)});
  }

  void flush() {
    held_turns_ = 0;
    if (outcomes_.empty() && !kept_back_)
      return;
    kept_back_ = sink_(std::exchange(outcomes_, {}));
    if (kept_back_)
      keep_back_until_ = boot_clock::now() + keep_back;
  }

  void shut_down() {
    const delivery_failure why{failure_class::timeout, "shutting down"};
    for (auto& [id, waiting] : std::exchange(resolving_, {}))
      finish(std::move(waiting), why);
    for (auto& pools : pools_)
      for (auto& [origin, pool] : pools)
        while (!pool->waiting.empty())
          finish(take_waiting(*pool->waiting.begin()->second), why);
    while (!all_.empty()) {
      auto* connection = all_.begin()->first;
      if (connection->has_exchange())
        connection->abort(why);
      connection->close();
    }
    closed_.clear();
    flush();
  }

  // --- what connections and exchanges report
  // ----------------------------------------------------------------------

  const tls_client& tls() const override { return *tls_; }
  event_loop& loop() override { return loop_; }
  const delivery_engine_settings& settings() const override { return settings_; }
  std::vector<char>& scratch() override { return scratch_; }
  std::optional<std::string> judge(const boost::asio::ip::address& remote) const override {
    return policy_->judge(remote);
  }

  void on_answered(std::unique_ptr<exchange> done) override {
    silent_.forget(done->job.target);
    report(std::move(done));
  }
  void on_failed(std::unique_ptr<exchange> done, delivery_failure why) override {
    finish(std::move(done), std::move(why));
  }

  void on_opening_ended(const std::shared_ptr<delivery_pool>& pool) override {
    pool->pace.ended();
    may_open_ = true;
  }

  void on_idle(delivery_connection& connection) override {
    auto& waiting = connection.pool()->waiting;
    while (!waiting.empty()) {
      auto next = take_waiting(*waiting.begin()->second);
      if (boot_clock::now() < next->job.deadline)
        return connection.send(std::move(next));
      finish(std::move(next), {failure_class::timeout, too_late});
    }
    auto& idle = connection.pool()->idle;
    if (stopping_ || idle.size() >= settings_.max_idle_per_origin || idle_total_ >= settings_.max_idle_total)
      return connection.close();
    idle.push_back(&connection);
    ++idle_total_;
  }

  void on_closed(delivery_connection& connection) override {
    idle_total_ -= std::erase(connection.pool()->idle, &connection);
    if (auto node = all_.extract(&connection); !node.empty())
      closed_.push_back(std::move(node.mapped()));
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
  }

  bool roomy() const override { return all_.size() <= roomy_connections; }

  void on_deadline(exchange& late) override {
    auto* connection = late.connection;
    delivery_failure why{failure_class::timeout,
                         std::string{"the deadline passed "} +
                             (connection != nullptr ? connection->phase() : "while waiting for a connection")};
    if (late.pool != nullptr) {
      auto done = take_waiting(late);
      if (connection != nullptr)
        connection->close();
      return finish(std::move(done), std::move(why));
    }
    if (connection != nullptr) {
      if (late.result.first_byte)
        silent_.note(late.job.target);
      return connection->abort(std::move(why));
    }
    if (auto node = resolving_.extract(late.id); !node.empty())
      finish(std::move(node.mapped()),
             {failure_class::timeout, "the deadline passed while resolving the name"});
  }

  const delivery_engine_settings settings_;
  std::shared_ptr<const egress_policy> policy_;
  const outcome_sink sink_;
  std::shared_ptr<const tls_client> tls_;
  std::atomic<std::size_t> connection_count_{0};
  std::vector<char> scratch_ = std::vector<char>(16 * 1024);

  std::mutex mutex_; ///< guards what other threads hand in
  std::vector<delivery_job> inbox_;
  std::shared_ptr<const egress_policy> next_policy_;
  std::shared_ptr<const tls_client> next_tls_;
  bool end_asked_ = false;

  // Below, what only the loop's thread touches, but for `loop_.wake`.
  event_loop loop_;
  pace_tick pace_tick_{*this};
  dns_resolver resolver_;
  /// By origin: verifying, insecure, and both of these for silent targets.
  std::array<pool_map, 4> pools_;
  silent_targets silent_;
  std::vector<std::shared_ptr<delivery_pool>> lacking_; ///< where POSTs lack connections, or lately did
  bool may_open_ = false;                               ///< a POST waits or a pace went on since the last look
  std::unordered_map<delivery_connection*, std::unique_ptr<delivery_connection>> all_;
  std::vector<std::unique_ptr<delivery_connection>>
      closed_; ///< in this turn: their own functions may be running
  std::unordered_map<std::uint64_t, std::unique_ptr<exchange>> resolving_;
  std::vector<delivery_outcome> outcomes_; ///< not yet told
  int held_turns_ = 0;
  bool kept_back_ = false; ///< by the sink, which is asked again at that time
  domain::boot_time keep_back_until_{};
  std::size_t pool_limit_ = min_pools;
  std::size_t idle_total_ = 0;
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;

  std::thread thread_;
};

delivery_engine::delivery_engine(delivery_engine_settings settings,
                                 std::shared_ptr<const egress_policy> policy, outcome_sink sink)
    : impl_{std::make_unique<impl>(std::move(settings), std::move(policy), std::move(sink))} {}

delivery_engine::~delivery_engine() = default;

void delivery_engine::submit(std::vector<delivery_job> jobs) {
  impl_->submit(std::move(jobs));
}

void delivery_engine::reload(std::shared_ptr<const egress_policy> policy, const std::string& extra_ca_file) {
  impl_->reload(std::move(policy), extra_ca_file);
}

std::size_t delivery_engine::connections() const noexcept {
  return impl_->connections();
}

} // namespace carillon::net
