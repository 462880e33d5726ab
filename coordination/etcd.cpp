#include "coordination/etcd.hpp"

#include "coordination/etcd_watch.hpp"
#include "domain/time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace carillon::coordination {

namespace asio = boost::asio;

namespace {

/// Calls in flight: each may have a connection. A node makes a handful; a takeover of all shards at once, one
/// each.
constexpr std::size_t most_calls = 1'024;
/// Before a renewal that failed is tried again.
constexpr std::chrono::milliseconds renewal_pause{100};
/// Renewals within a lease's time.
constexpr int renewals_per_ttl = 3;

/// A lease that is kept alive.
class etcd_renewal : public std::enable_shared_from_this<etcd_renewal> {
public:
  etcd_renewal(etcd_client& client, lease_id lease, std::chrono::seconds ttl, std::function<void(std::string)> lost)
      : client_{client}, lease_{lease}, ttl_{ttl}, lost_{std::move(lost)}, timer_{client.io(), client.closing()} {}

  call_gate gate;

  asio::awaitable<void> run() {
    auto confirmed = domain::boot_clock::now();
    while (!over()) {
      const auto asked = domain::boot_clock::now();
      etcd_lease renewed;
      const read_answer read = [&renewed](const std::string& body) {
        renewed = read_renewal(body);
        return renewed.header;
      };
      const auto error = co_await client_.ask(keep_alive_request(lease_), repeatable::yes, read);
      if (over())
        co_return;
      auto problem = error ? error->detail : std::string{};
      bool gone = error && error->what == failure::refused;
      if (!error && renewed.ttl.count() > 0)
        confirmed = asked;
      else if (!error)
        gone = true, problem = "the lease has ended";
      const auto now = domain::boot_clock::now();
      if (gone || now - confirmed >= ttl_) {
        gate.call([&] { lost_(problem.empty() ? "the lease could not be renewed in time" : problem); });
        co_return;
      }
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(confirmed + ttl_ - now);
      const std::chrono::milliseconds usual = ttl_ / renewals_per_ttl;
      co_await timer_.wait(problem.empty() ? usual : std::min(renewal_pause, left));
    }
  }

  void wake() { timer_.cancel(); }

private:
  bool over() { return client_.closing().closed() || gate.ended(); }

  etcd_client& client_;
  const lease_id lease_;
  const std::chrono::milliseconds ttl_;
  const std::function<void(std::string)> lost_;
  closing_timer timer_;
};

/// The store's thread. Shared with the handles, which may outlive the store.
struct etcd_loop {
  explicit etcd_loop(const etcd_settings& settings)
      : client{io, settings.endpoints, make_etcd_tls(settings.ca_file, settings.certificate_file, settings.key_file),
               settings.attempt_timeout} {}

  /// Lets `what` look at once whether it was ended. Its last reference goes on the store's thread, or with the
  /// loop when that has ended.
  template <class Activity>
  void wake(std::shared_ptr<Activity> what) {
    const std::lock_guard guard{mutex};
    if (running)
      asio::post(io, [what = std::move(what)] { what->wake(); });
    else
      ended.push_back(std::move(what));
  }

  asio::io_context io{1};
  etcd_client client;
  std::mutex mutex;
  bool running = true;                      ///< what is posted is run
  std::vector<std::shared_ptr<void>> ended; ///< handles that outlived the store: before `client` goes
};

/// Ends a watch or a renewal.
template <class Activity>
class handle final : public ongoing {
public:
  handle(std::shared_ptr<etcd_loop> loop, std::shared_ptr<Activity> what) : loop_{std::move(loop)}, what_{std::move(what)} {}
  ~handle() override {
    what_->gate.end();
    loop_->wake(std::move(what_));
  }

private:
  std::shared_ptr<etcd_loop> loop_;
  std::shared_ptr<Activity> what_;
};

class etcd_store final : public configuration_store {
public:
  explicit etcd_store(const etcd_settings& settings)
      : settings_{settings}, loop_{std::make_shared<etcd_loop>(settings)}, work_{loop_->io.get_executor()},
        thread_{[this] { loop_->io.run(); }} {}

  ~etcd_store() override {
    {
      const std::lock_guard guard{loop_->mutex};
      loop_->running = false;
    }
    asio::post(loop_->io, [this] {
      loop_->client.close();
      work_.reset();
    });
    thread_.join();
  }

  void get(std::string key, reach what, std::function<void(get_result)> done) override {
    start<get_result>(range_request(key, what), repeatable::yes, std::move(done), [key, what](const std::string& body, auto& out) {
      auto range = read_range(body, key, what);
      out.entries = std::move(range.entries);
      out.at = range.header.at;
      return range.header;
    });
  }

  void compare_and_swap(swap_request request, std::function<void(swap_result)> done) override {
    auto message = swap_request_of(request);
    start<swap_result>(std::move(message), repeatable::no, std::move(done),
                       [request = std::move(request)](const std::string& body, auto& out) {
                         auto swap = read_swap(body, request);
                         out.succeeded = swap.succeeded;
                         out.current = std::move(swap.current);
                         out.at = swap.header.at;
                         return swap.header;
                       });
  }

  std::unique_ptr<ongoing> watch(std::string prefix, revision from, std::function<void(watch_report)> tell) override {
    return begin(std::make_shared<etcd_watch>(loop_->client, std::move(prefix), from, settings_.poll_interval, std::move(tell)));
  }

  void grant(std::chrono::seconds ttl, std::function<void(lease_result)> done) override {
    // Said twice, it makes a lease more, which ends by itself.
    start<lease_result>(grant_request(ttl), repeatable::yes, std::move(done), [](const std::string& body, auto& out) {
      const auto lease = read_lease(body);
      out.lease = lease.lease;
      out.ttl = lease.ttl;
      return lease.header;
    });
  }

  std::unique_ptr<ongoing> keep_alive(lease_id lease, std::chrono::seconds ttl,
                                      std::function<void(std::string)> lost) override {
    return begin(std::make_shared<etcd_renewal>(loop_->client, lease, ttl, std::move(lost)));
  }

private:
  template <class Result, class Read>
  asio::awaitable<void> call(etcd_request request, repeatable again, std::function<void(Result)> done, Read read) {
    Result out;
    const read_answer into = [&out, &read](const std::string& body) { return read(body, out); };
    auto error = co_await loop_->client.ask(std::move(request), again, into);
    if (error) { // nothing of an answer that can't be trusted
      out = Result{};
      out.error = std::move(error);
    }
    --calls_;
    done(std::move(out));
  }

  template <class Result, class Read>
  void start(etcd_request request, repeatable again, std::function<void(Result)> done, Read read) {
    if (++calls_ > most_calls) {
      asio::post(loop_->io, [this, done = std::move(done)] {
        --calls_;
        Result out;
        out.error = call_error{failure::unreachable, "too many calls to etcd are under way"};
        done(std::move(out));
      });
      return;
    }
    asio::co_spawn(loop_->io, call<Result>(std::move(request), again, std::move(done), std::move(read)), rethrow);
  }

  template <class Activity>
  std::unique_ptr<ongoing> begin(std::shared_ptr<Activity> what) {
    asio::co_spawn(loop_->io, [](std::shared_ptr<Activity> self) -> asio::awaitable<void> { co_await self->run(); }(what),
                   rethrow);
    return std::make_unique<handle<Activity>>(loop_, std::move(what));
  }

  /// What is thrown past all this is no error of etcd's.
  static void rethrow(std::exception_ptr problem) {
    if (problem)
      std::rethrow_exception(problem);
  }

  const etcd_settings settings_;
  std::shared_ptr<etcd_loop> loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::atomic<std::size_t> calls_{0};
  std::thread thread_;
};

} // namespace

const char* to_string(failure what) {
  switch (what) {
  case failure::unreachable:
    return "unreachable";
  case failure::refused:
    return "refused";
  case failure::full:
    return "full";
  case failure::foreign:
    return "foreign";
  case failure::unreadable:
    return "unreadable";
  case failure::unknown:
    return "unknown";
  }
  return "";
}

std::unique_ptr<configuration_store> make_etcd_store(const etcd_settings& settings) {
  return std::make_unique<etcd_store>(settings);
}

} // namespace carillon::coordination
