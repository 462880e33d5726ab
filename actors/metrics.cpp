#include "actors/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace carillon::actors {

namespace {
const prometheus::Histogram::BucketBoundaries latency{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                      0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
const prometheus::Histogram::BucketBoundaries sizes{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

/// Compares a route and code as text or as a view alike.
struct route_less {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const noexcept {
    return std::pair<std::string_view, int>{a} < std::pair<std::string_view, int>{b};
  }
};

/// The map's metric of that key, which `find` finds in its family the first time.
template <class Map, class Key, class Find>
auto& known(std::shared_mutex& guard, Map& map, const Key& key, Find find) {
  {
    const std::shared_lock lock{guard};
    if (const auto it = map.find(key); it != map.end())
      return *it->second;
  }
  const std::unique_lock lock{guard};
  auto& metric = find();
  map.emplace(key, &metric);
  return metric;
}
} // namespace

struct metrics::impl {
  struct read_gauge {
    prometheus::Gauge& gauge;
    std::function<double()> read;
  };

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& events = prometheus::BuildCounter()
                                                        .Name("carillon_events_total")
                                                        .Help("Events posted, by what became of them")
                                                        .Register(registry);
  prometheus::Family<prometheus::Counter>& notifications =
      prometheus::BuildCounter()
          .Name("carillon_notifications_total")
          .Help("Notifications that ended, by final state")
          .Register(registry);
  /// Counters of events by their result, and the answers' histograms by route and code: those that were asked
  /// for. A family takes microseconds to find one by its labels, and makes a new one for it each time.
  std::shared_mutex known_guard;
  std::map<std::string, prometheus::Counter*, std::less<>> events_by_result;
  std::map<std::pair<std::string, int>, prometheus::Histogram*, route_less> requests_by_route;
  /// The family's counters by state, dialect and failure class: looking one up by labels costs microseconds.
  std::atomic<prometheus::Counter*> by_end[8][2][7] = {};
  prometheus::Gauge& pending = prometheus::BuildGauge()
                                   .Name("carillon_pending_notifications")
                                   .Help("Notifications that wait, in accounts that are loaded")
                                   .Register(registry)
                                   .Add({});
  prometheus::Gauge& claims_held = prometheus::BuildGauge()
                                       .Name("carillon_claims_held")
                                       .Help("Claims whose POST is under way")
                                       .Register(registry)
                                       .Add({});
  prometheus::Histogram& acceptance_to_send =
      prometheus::BuildHistogram()
          .Name("carillon_acceptance_to_send_seconds")
          .Help("From acceptance of an event to its POST's first byte")
          .Register(registry)
          .Add({}, latency);
  prometheus::Histogram& delivery = prometheus::BuildHistogram()
                                        .Name("carillon_delivery_duration_seconds")
                                        .Help("From a POST's first byte to its outcome")
                                        .Register(registry)
                                        .Add({}, latency);
  prometheus::Histogram& commit = prometheus::BuildHistogram()
                                      .Name("carillon_commit_duration_seconds")
                                      .Help("One synced commit of the store")
                                      .Register(registry)
                                      .Add({}, latency);
  prometheus::Histogram& batch = prometheus::BuildHistogram()
                                     .Name("carillon_commit_batch_size")
                                     .Help("Batches of accounts in one commit")
                                     .Register(registry)
                                     .Add({}, sizes);
  prometheus::Counter& retention = prometheus::BuildCounter()
                                       .Name("carillon_retention_cpu_seconds_total")
                                       .Help("CPU time of finding and erasing what is past retention")
                                       .Register(registry)
                                       .Add({});
  prometheus::Family<prometheus::Histogram>& requests = prometheus::BuildHistogram()
                                                            .Name("carillon_http_request_duration_seconds")
                                                            .Help("Answered requests")
                                                            .Register(registry);
  prometheus::Family<prometheus::Gauge>& subscriptions =
      prometheus::BuildGauge()
          .Name("carillon_subscriptions")
          .Help("Subscriptions of accounts that are loaded, by status")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& accounts =
      prometheus::BuildGauge()
          .Name("carillon_accounts")
          .Help("Accounts by state, counted about once a minute")
          .Register(registry);
  std::mutex due_guard;
  std::unordered_map<std::uint64_t, domain::boot_time> due; ///< account → its oldest due time
  std::mutex guard;                                         ///< of gauges
  std::vector<read_gauge> gauges;
  std::vector<std::pair<std::string, prometheus::Family<prometheus::Gauge>*>> gauge_families;
};

metrics::metrics() : impl_{std::make_unique<impl>()} {
  gauge("carillon_oldest_due_age_seconds",
        "How long the oldest notification that could go has waited past its due time", "", "", [this] {
          const std::lock_guard lock{impl_->due_guard};
          const auto now = domain::boot_clock::now();
          auto oldest = now;
          for (const auto& [account, t] : impl_->due)
            oldest = std::min(oldest, t);
          return std::chrono::duration<double>(now - oldest).count();
        });
  gauge("carillon_build_info", "The version that runs", "version", CARILLON_VERSION, [] { return 1.0; });
}
metrics::~metrics() = default;

void metrics::events(std::string_view result, std::uint64_t count) {
  if (count == 0)
    return;
  auto& counter = known(
      impl_->known_guard, impl_->events_by_result, result, [&]() -> auto& {
        return impl_->events.Add({{"result", std::string{result}}});
      });
  counter.Increment(static_cast<double>(count));
}

void metrics::ended(const account::notification& n) {
  auto& counter = impl_->by_end[static_cast<std::size_t>(n.state)][static_cast<std::size_t>(n.speaks)]
                               [static_cast<std::size_t>(n.course->result.error)];
  auto* known = counter.load(std::memory_order_acquire);
  if (known == nullptr) {
    known = &impl_->notifications.Add({{"state", std::string{domain::to_string(n.state)}},
                                       {"dialect", std::string{domain::to_string(n.speaks)}},
                                       {"error", std::string{domain::to_string(n.course->result.error)}}});
    counter.store(known, std::memory_order_release);
  }
  known->Increment();
  if (!n.course->result.first_byte || n.state == domain::notification_state::unknown)
    return;
  impl_->delivery.Observe(std::chrono::duration<double>(n.course->result.ended - *n.course->result.first_byte).count());
  if (n.due_wall == n.created)
    impl_->acceptance_to_send.Observe(std::chrono::duration<double>(*n.course->result.first_byte - n.due).count());
}

void metrics::committed(double seconds, std::size_t batches) {
  impl_->commit.Observe(seconds);
  impl_->batch.Observe(static_cast<double>(batches));
}

void metrics::retention(std::chrono::nanoseconds cpu) {
  impl_->retention.Increment(std::chrono::duration<double>(cpu).count());
}

void metrics::answered(std::string_view route, int code, double seconds) {
  auto& histogram = known(
      impl_->known_guard, impl_->requests_by_route, std::pair{route, code}, [&]() -> auto& {
        return impl_->requests.Add({{"route", std::string{route}}, {"code", std::to_string(code)}}, latency);
      });
  histogram.Observe(seconds);
}

void metrics::pending(std::int64_t change) {
  impl_->pending.Increment(static_cast<double>(change));
}
void metrics::claims_held(std::int64_t change) {
  impl_->claims_held.Increment(static_cast<double>(change));
}

void metrics::subscriptions(domain::subscription_status status, std::int64_t change) {
  impl_->subscriptions.Add({{"status", std::string{domain::to_string(status)}}})
      .Increment(static_cast<double>(change));
}

void metrics::oldest_due(domain::account_id account, std::optional<domain::boot_time> due) {
  const std::lock_guard lock{impl_->due_guard};
  if (due)
    impl_->due[raw(account)] = *due;
  else
    impl_->due.erase(raw(account));
}

void metrics::accounts(std::string_view state, std::uint64_t count) {
  impl_->accounts.Add({{"state", std::string{state}}}).Set(static_cast<double>(count));
}

void metrics::gauge(const std::string& name, const std::string& help, const std::string& label,
                    const std::string& value, std::function<double()> read) {
  const std::lock_guard lock{impl_->guard};
  prometheus::Family<prometheus::Gauge>* family = nullptr;
  for (const auto& [known, f] : impl_->gauge_families)
    if (known == name)
      family = f;
  if (family == nullptr) {
    family = &prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    impl_->gauge_families.emplace_back(name, family);
  }
  auto& g = label.empty() ? family->Add({}) : family->Add({{label, value}});
  impl_->gauges.push_back({g, std::move(read)});
}

std::string metrics::render() const {
  {
    const std::lock_guard lock{impl_->guard};
    for (auto& g : impl_->gauges)
      g.gauge.Set(g.read());
  }
  return prometheus::TextSerializer{}.Serialize(impl_->registry.Collect());
}

} // namespace carillon::actors
