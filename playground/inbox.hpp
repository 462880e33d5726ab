#pragma once

#include "domain/time.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace carillon::playground {

/// Whether an arrival bears the signature it should.
enum class signature_state : std::uint8_t {
  unchecked, ///< the inbox was given no secret
  valid,
  invalid, ///< none of its signatures, or none at all
};

/// One POST that came in.
struct arrival {
  std::uint64_t number = 0;   ///< 1, 2, 3…: in the order of arrival
  domain::boot_time received; ///< when its body was complete
  domain::wall_time received_at;
  std::string path;                                        ///< decoded, without the query
  std::vector<std::pair<std::string, std::string>> fields; ///< names in lower case
  std::string body;
  int status = 0; ///< what the inbox answers; 0: closes without an answer
  signature_state signature = signature_state::unchecked;

  /// The first field of that (lower-case) name; empty when there is none.
  std::string field(std::string_view name) const;
};

struct inbox_settings {
  std::string listen = "127.0.0.1:0";  ///< port 0 picks a free one
  std::filesystem::path ca_directory;  ///< see `make_test_ca`
  std::filesystem::path ledger;        ///< one JSON line an arrival is appended here; empty: none
  std::vector<std::string> secrets;    ///< "whsec_…"; a signature by any of them is valid
  std::vector<std::string> signatures; ///< as Pipeliner's subscriptions bear them; likewise
  std::size_t threads = 1;
  std::size_t kept = 10'000;         ///< arrivals in memory; the oldest go first
  std::size_t kept_bytes = 64 << 20; ///< of their bodies
  std::size_t max_body = 16 << 20;   ///< bytes; more is 413
  /// Called for each arrival, before its answer, on the inbox's threads (one call at a time); must not block.
  std::function<void(const arrival&)> on_arrival;
};

/// An HTTPS request bin: takes every POST, remembers it, and answers as the first part of its path says.
///
/// `/ok/…` 200; `/status/503/…` that status (with `?retry_after=5`, a Retry-After); `/slow/1500/…` 200 after
/// so many milliseconds; `/drop/…` closes without an answer; `/gone/…` 410; `/redirect/…` 302; any other path
/// 200. `GET /` lists the latest arrivals, newest first; `GET /inbox/{name}` those with `/{name}` in their
/// path.
class inbox {
public:
  /// Listens and serves at once. Throws std::runtime_error when the address, the certificates, the ledger or
  /// a secret can't be used.
  explicit inbox(inbox_settings settings);
  ~inbox();

  std::string url() const;                        ///< "https://127.0.0.1:4433"
  const std::filesystem::path& authority() const; ///< the PEM file that clients must trust

  std::uint64_t count() const;           ///< arrivals since the start
  std::vector<arrival> arrivals() const; ///< those kept, oldest first

  /// Finishes what is being answered (for at most a second) and closes. Idempotent.
  void stop();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// The ledger's line for an arrival, without the line feed: `number`, `boot_ns`, `time`, `path`, `status`,
/// `signature`, `webhook_id`, `webhook_timestamp`, `webhook_signature`, `headers`, `body`. A body that isn't
/// UTF-8 stands as `body_base64` instead.
std::string to_json(const arrival& entry);

} // namespace carillon::playground
