#pragma once

#include "bench/ledger.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace carillon::bench {

struct sink_settings {
  std::filesystem::path certificate, key; ///< PEM
  std::uint16_t port = 0;                 ///< on 127.0.0.1; 0 picks a free one
  /// Requests to paths that begin with "/silent" are noted here and never answered; null: answered as others.
  ledger* silent_book = nullptr;
  bool closes = false; ///< ends each connection after one answer
  bool resumes = true; ///< takes up earlier TLS sessions
};

/// The cheapest honest HTTPS receiver we could write: one thread, epoll and OpenSSL, kept-alive connections,
/// 200 with an empty body to every request, unless its settings say otherwise.
///
/// What has a webhook-id goes to the ledger; the rest (wrk's POSTs) is only counted.
class sink {
public:
  /// Listens and serves at once. `book` must outlive the sink. Throws std::runtime_error when the certificate
  /// can't be read or the port is taken.
  sink(const sink_settings& settings, ledger& book);
  ~sink();
  sink(const sink&) = delete;
  sink& operator=(const sink&) = delete;

  std::uint16_t port() const noexcept;
  /// "https://127.0.0.1:PORT"
  std::string url() const;

  struct counters {
    std::uint64_t requests = 0;    ///< answered
    std::uint64_t connections = 0; ///< accepted
    std::uint64_t handshakes = 0;  ///< of those: TLS finished
    std::uint64_t resumed = 0;     ///< of those: from an earlier session
    std::uint64_t faults = 0;      ///< connections that ended by an error of TLS or HTTP
  };
  counters stats() const noexcept;
  /// CPU time of its thread so far.
  std::chrono::nanoseconds cpu() const;

private:
  class server;
  std::unique_ptr<server> server_;
};

} // namespace carillon::bench
