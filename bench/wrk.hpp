#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace carillon::bench {

struct wrk_settings {
  std::string url;
  std::string body; ///< POSTed as JSON; empty: GET
  std::size_t connections = 64;
  std::chrono::seconds duration{2};
  std::filesystem::path folder; ///< where its script may lie
};

struct wrk_result {
  std::uint64_t requests = 0;
  double per_second = 0;
  std::chrono::nanoseconds cpu_per_request{};
};

/// Runs wrk, the yardstick, with one thread over kept-alive connections. Throws std::runtime_error when wrk
/// is missing or anything but 2xx came back.
wrk_result run_wrk(const wrk_settings& settings);

} // namespace carillon::bench
