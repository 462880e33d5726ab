#pragma once

#include "bench/event_text.hpp"
#include "bench/ledger.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace carillon::bench {

struct load_settings {
  std::vector<std::uint16_t> ports;  ///< of the nodes, on 127.0.0.1; requests go to one after the other
  std::string token;                 ///< with the scope `ingest`
  std::vector<std::string> accounts; ///< requests go to one after the other
  /// Writes the event of a number.
  void (*append)(std::string& out, std::uint64_t number) = append_event;
  std::size_t events_per_request = 1; ///< more than one: an array
  std::size_t connections = 32;       ///< kept alive; one request at a time on each
  double events_per_second = 0;       ///< 0: flat out
  std::uint64_t first = 1;            ///< the first event's number
  std::uint64_t most_events = 10'000'000;
  std::chrono::nanoseconds duration = std::chrono::seconds{5};
  /// While so many accepted events haven't arrived, nothing is posted; 0: no bound.
  std::uint64_t most_outstanding = 0;
  /// As a client of a cluster does: what was answered 503 or not at all is posted again, with the same event
  /// ids, to another node if there is one.
  bool repeats = false;
};

/// How most rows post: 100 events a request over four connections, and no more than the node can have at
/// hand.
inline load_settings in_batches(std::vector<std::string> accounts, std::uint64_t most_outstanding = 20'000) {
  load_settings load;
  load.accounts = std::move(accounts);
  load.events_per_request = 100;
  load.connections = 4;
  load.most_outstanding = most_outstanding;
  return load;
}

struct load_result {
  std::uint64_t requests = 0; ///< answered
  std::uint64_t events = 0;   ///< posted: numbers first … first + events − 1
  std::uint64_t accepted = 0; ///< events
  std::uint64_t late =
      0; ///< requests that went out over 10 ms after their time, for want of a free connection
  std::uint64_t broken = 0;             ///< connections that ended with a request unanswered for good
  std::uint64_t repeated = 0;           ///< requests that were posted again
  std::map<int, std::uint64_t> refused; ///< requests by status
  std::string refusal;                  ///< the body of the first
  std::chrono::nanoseconds elapsed{}, cpu{};
};

/// Posts events over kept-alive connections until time or count are up or `stop` is set, waits for the
/// answers that are due, and writes each event's fate to `book`.
///
/// Blocks; works on the calling thread alone. A broken connection is made anew, to another node when its own
/// takes none. Throws std::runtime_error when no node can be reached.
load_result run_load(const load_settings& settings, ledger& book, const std::atomic<bool>& stop);

} // namespace carillon::bench
