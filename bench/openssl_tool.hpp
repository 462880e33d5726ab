#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace carillon::bench {

struct s_time_settings {
  std::uint16_t port = 0; ///< on 127.0.0.1
  std::filesystem::path authority;
  bool resumes = false; ///< `-reuse` instead of `-new`
  std::chrono::seconds duration{2};
};

struct s_time_result {
  double per_second = 0;                         ///< connections, each with one request
  std::chrono::nanoseconds cpu_per_connection{}; ///< of the client
};

/// Runs `openssl s_time`, the yardstick of handshakes: one connection after the other, certificates verified.
/// The server must end each connection after its answer. Throws std::runtime_error when openssl is missing or
/// makes no connection.
s_time_result run_s_time(const s_time_settings& settings);

/// A key and a certificate that vouches for itself and is good for `names` ("DNS:*.example"): PEM files in
/// `folder`. Throws std::runtime_error when openssl is missing.
struct own_certificate {
  std::filesystem::path certificate, key;
};
own_certificate make_own_certificate(const std::filesystem::path& folder, const std::string& names);

} // namespace carillon::bench
