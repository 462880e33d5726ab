#pragma once

#include "bench/generator.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace carillon::bench {

/// The generator on a thread of its own; its end is waited for in any case.
class playing {
public:
  playing(load_settings settings, ledger& book);
  ~playing();
  playing(const playing&) = delete;
  playing& operator=(const playing&) = delete;

  const load_settings& settings() const noexcept { return settings_; }
  /// Ends it, once what is out was answered. Once. Throws what the generator threw.
  load_result finish();

private:
  const load_settings settings_;
  std::atomic<bool> stop_{false};
  load_result result_;
  std::exception_ptr failure_;
  std::thread thread_;
};

} // namespace carillon::bench
