#include "bench/playing.hpp"

#include <utility>

namespace carillon::bench {

playing::playing(load_settings settings, ledger& book)
    : settings_(std::move(settings)), thread_([this, &book] {
        try {
          result_ = run_load(settings_, book, stop_);
        } catch (...) {
          failure_ = std::current_exception();
        }
      }) {}

playing::~playing() {
  stop_ = true;
  if (thread_.joinable())
    thread_.join();
}

load_result playing::finish() {
  stop_ = true;
  thread_.join();
  if (failure_)
    std::rethrow_exception(failure_);
  return std::move(result_);
}

} // namespace carillon::bench
