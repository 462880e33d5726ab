#include "net/http_connection.hpp"

#include <array>

namespace carillon::net::http_detail {

connection_slot::connection_slot(std::shared_ptr<server_state> state,
                                 std::atomic<std::size_t> server_state::*counter)
    : state_(std::move(state)), counter_(counter) {
  ((*state_).*counter_).fetch_add(1, std::memory_order_relaxed);
}

connection_slot::~connection_slot() {
  if (!state_ || ((*state_).*counter_).fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  // Under the mutex, or a waiter between its check and its sleep would miss it.
  const std::lock_guard lock{state_->mutex};
  state_->all_closed.notify_all();
}

void connection_base::check_deadline(clock::time_point now) {
  if (now < deadline_)
    return;
  expired_ = true;
  deadline_ = clock::time_point::max();
  cancel_operations();
}

void connection_base::stop() {
  if (phase_ != phase::body && phase_ != phase::handling && phase_ != phase::answering)
    close_socket();
}

worker::worker() : context_(1), sweep_timer_(context_) {
  std::random_device source;
  std::seed_seq seed{source(), source(), source(), source(), source(), source(), source(), source()};
  random_.seed(seed);
}

void worker::add(connection_base& connection) {
  connections_.push_back(connection);
  if (!std::exchange(sweeping_, true))
    sweep();
}

void worker::sweep() {
  sweep_timer_.expires_after(sweep_interval);
  sweep_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec)
      return;
    const auto now = clock::now();
    for (auto& connection : connections_)
      connection.check_deadline(now);
    if (connections_.empty())
      sweeping_ = false;
    else
      sweep();
  });
}

void worker::stop_connections() {
  for (auto& connection : connections_)
    connection.stop();
}

void worker::abort_connections() {
  for (auto& connection : connections_)
    connection.abort();
}

std::string worker::make_request_id() {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string id(32, '0');
  for (std::size_t half = 0; half < 2; ++half) {
    auto bits = random_();
    for (std::size_t i = 0; i < 16; ++i, bits >>= 4)
      id[half * 16 + i] = digits[bits & 15];
  }
  return id;
}

} // namespace carillon::net::http_detail
