#include "net/http_worker.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>
#include <utility>

namespace carillon::net::http_detail {

connection_slot::connection_slot(server_state& state, std::atomic<std::size_t> server_state::*counter)
    : state_(state), counter_(counter) {
  (state_.*counter_).fetch_add(1, std::memory_order_relaxed);
}

void connection_slot::release() {
  const auto counter = std::exchange(counter_, nullptr);
  if (counter == nullptr || (state_.*counter).fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  // Under the mutex, or a waiter between its check and its sleep would miss it.
  const std::lock_guard lock{state_.mutex};
  state_.all_closed.notify_all();
}

worker::worker() : scratch_(std::make_unique<std::array<char, read_size>>()) {
  std::random_device source;
  std::seed_seq seed{source(), source(), source(), source(), source(), source(), source(), source()};
  random_.seed(seed);
}

worker::~worker() {
  connections_.clear_and_dispose([](connection_base* each) { delete each; });
  over_.clear_and_dispose([](connection_base* each) { delete each; });
}

void worker::run() {
  // OpenSSL writes to sockets in a way that signals when the peer is gone.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (!ended_) {
    try {
      loop_.turn();
      while (!done_.empty())
        for (auto* each : std::exchange(done_, {}))
          each->handled();
    } catch (const std::exception& error) {
      spdlog::error("http: {}", error.what());
    }
    over_.clear_and_dispose([](connection_base* each) { delete each; });
  }
}

void worker::end() {
  loop_.post([this] { ended_ = true; });
}

void worker::add(std::unique_ptr<connection_base> connection) {
  connections_.push_back(*connection.release());
  if (!std::exchange(sweeping_, true))
    arm_sweep();
}

void worker::over(connection_base& connection) {
  connection.unlink();
  over_.push_back(connection);
}

void worker::arm_sweep() {
  loop_.events().timers().arm(sweep_, domain::boot_clock::now() + sweep_interval);
}

void worker::check_deadlines() {
  const auto now = clock::now();
  for (auto each = connections_.begin(); each != connections_.end();)
    (each++)->check_deadline(now);
  if (connections_.empty())
    sweeping_ = false;
  else
    arm_sweep();
}

void worker::stop_connections() {
  for (auto each = connections_.begin(); each != connections_.end();)
    (each++)->stop();
}

void worker::abort_connections() {
  for (auto each = connections_.begin(); each != connections_.end();)
    (each++)->abort();
}

void worker::make_request_id(std::string& id) {
  static constexpr std::string_view digits = "0123456789abcdef";
  id.resize(32);
  for (std::size_t half = 0; half < 2; ++half) {
    auto bits = random_();
    for (std::size_t i = 0; i < 16; ++i, bits >>= 4)
      id[half * 16 + i] = digits[bits & 15];
  }
}

} // namespace carillon::net::http_detail
