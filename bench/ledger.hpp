#pragma once

#include "domain/time.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace carillon::bench {

/// What became of all events of one run, once nothing can arrive any more.
struct verdict {
  std::uint64_t accepted = 0;       ///< events answered 202
  std::uint64_t delivered = 0;      ///< of those: arrived at least once
  std::uint64_t lost = 0;           ///< of those: never arrived
  std::uint64_t doubled_events = 0; ///< arrived more than once
  std::uint64_t doubled_posts = 0;  ///< POSTs whose webhook-id had come before
  std::uint64_t unexpected = 0;     ///< arrived without having been posted in this run, or after a refusal
  std::uint64_t unanswered = 0;     ///< posted, but the answer never came: may arrive or not

  bool clean() const { return lost == 0 && doubled_events == 0 && doubled_posts == 0 && unexpected == 0; }
  std::string to_string() const;
};

/// Every event of a run by its number: when it was posted, accepted, and arrived.
///
/// The generator writes one side, the sink the other. All members may be called from any thread. A record's
/// id is its event's number, which is how a POST is recognised.
class ledger {
public:
  /// Forgets everything; the run's events are numbered from `first`.
  void start(std::uint64_t first);

  // --- the generator's side: runs of consecutive numbers ---

  void posted(std::uint64_t first, std::uint64_t count, domain::boot_time at);
  void accepted(std::uint64_t first, std::uint64_t count, domain::boot_time at);
  void refused(std::uint64_t first, std::uint64_t count);

  // --- the sink's side ---

  /// One POST with a webhook-id: looks up the record ids of a Copper body, or of a Pipeliner body's items.
  void arrived(std::string_view webhook_id, std::string_view body, domain::boot_time at);

  // --- what it comes to ---

  std::uint64_t accepted_count() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  /// Different events that arrived.
  std::uint64_t arrived_count() const noexcept { return arrived_.load(std::memory_order_relaxed); }
  /// POSTs with a webhook-id.
  std::uint64_t post_count() const noexcept { return posts_.load(std::memory_order_relaxed); }

  verdict judge() const;

  /// Nanoseconds between two moments of each event that was posted within [from, to) and has both; negative
  /// when the second came first.
  enum class moment : std::uint8_t { posted, accepted, arrived };
  std::vector<std::int64_t> spans(moment first, moment second, domain::boot_time from,
                                  domain::boot_time to) const;

  /// When things happened to one event, so far.
  struct fate {
    std::optional<domain::boot_time> posted, accepted, arrived;
  };
  /// Of the events `first` … first + count − 1.
  std::vector<fate> fates(std::uint64_t first, std::uint64_t count) const;

  /// The first arrival at or after that moment; nothing when there is none.
  std::optional<domain::boot_time> first_arrival(domain::boot_time from) const;

private:
  struct entry {
    std::int64_t posted = 0, accepted = 0, arrived = 0; ///< boot time, ns; 0: not
    std::uint32_t arrivals = 0;
    bool refused = false;
  };

  entry* find(std::uint64_t number);
  void arrive(std::uint64_t number, std::int64_t at);
  void arrive_all(std::string_view ids, std::int64_t at);
  void arrive_items(std::string_view body, std::int64_t at);

  mutable std::mutex mutex_;
  std::uint64_t first_ = 0;
  std::vector<entry> entries_;
  std::unordered_set<std::uint64_t> ids_; ///< hashes of the webhook-ids seen
  std::uint64_t doubled_posts_ = 0, unexpected_ = 0;
  std::atomic<std::uint64_t> accepted_{0}, arrived_{0}, posts_{0};
};

} // namespace carillon::bench
