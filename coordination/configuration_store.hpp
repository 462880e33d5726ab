#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Where a cluster keeps its configuration: a small, linearizable map with revisions, behind five calls.
///
/// A running cluster has etcd behind them (`etcd.hpp`), a simulation its own. Nothing of either shows here.
namespace carillon::coordination {

/// Counts the changes of the whole store, from 1. 0 stands for "there is no such key" and "from the
/// beginning".
using revision = std::int64_t;

/// A promise to come back within a time. 0: none.
using lease_id = std::int64_t;

/// A key with its value.
struct entry {
  std::string key;
  std::string value;
  revision modified = 0; ///< the change that made it what it is: what `compare_and_swap` compares
  lease_id lease = 0;    ///< ends with it; 0: stays
  bool operator==(const entry&) const = default;
};

/// Why a call has no result.
enum class failure : std::uint8_t {
  /// No endpoint took the call in time. Nothing was changed.
  unreachable,
  /// The store answered that it doesn't do it, and won't do it when it is said again. Nothing was changed.
  refused,
  /// The store has no room left until an operator makes some. Nothing was changed.
  full,
  /// An endpoint belongs to another store than the one spoken with first. Nothing was changed.
  foreign,
  /// What came back is no answer of such a store. Only for what changes nothing.
  unreadable,
  /// The request was on its way when the deadline passed, the connection broke, or the answer made no sense:
  /// it may have been applied or not, or be applied still. Read before trying again. Only for what changes
  /// something.
  unknown,
};

/// The name of a failure, as in `failure`.
const char* to_string(failure what);

/// A failed call, for program and people.
struct call_error {
  failure what = failure::unreachable;
  std::string detail; ///< one line: which endpoint, what it did
  bool operator==(const call_error&) const = default;
};

/// What `get` reads: one key, or all keys that begin with it.
enum class reach : std::uint8_t { key, prefix };

struct get_result {
  std::optional<call_error> error;
  std::vector<entry> entries; ///< by key; empty when there is none, or after an error
  revision at = 0;            ///< the store's revision when it was read
};

/// "If the key is still as I know it, make it so."
struct swap_request {
  std::string key;
  revision expected = 0;            ///< `entry::modified` of what is there; 0: the key is absent
  std::optional<std::string> value; ///< what is put; nothing: the key is deleted
  lease_id lease = 0;               ///< the put value goes with it
};

struct swap_result {
  std::optional<call_error> error;
  bool succeeded = false;       ///< the key is as was asked
  std::optional<entry> current; ///< what the key holds after the call, whether it succeeded or not
  revision at = 0;              ///< the store's revision after the call
};

struct lease_result {
  std::optional<call_error> error;
  lease_id lease = 0;
  std::chrono::seconds ttl{0}; ///< may be longer than what was asked for
};

/// One key that changed.
struct change {
  std::string key;
  std::optional<entry> now; ///< nothing: it was deleted
  revision at = 0;          ///< when; of a deletion found by polling, the latest it can have been
};

/// What a watch tells.
struct watch_report {
  /// Whether changes are told as they happen. While it is not, what one knows grows old: the next report that
  /// says `following` has all that was missed.
  enum class state : std::uint8_t { following, lost } stream = state::lost;
  std::vector<change> changes; ///< in the order of `at`; empty when only the stream's state changed
  revision at = 0;             ///< what has been told is complete up to here
  std::string detail;          ///< with `lost`: why, one line
};

/// Ends what it stands for when it is destroyed. A call that runs at that moment is finished first, unless it
/// is that call that destroys it; none comes afterwards.
class ongoing {
public:
  virtual ~ongoing() = default;
};

/// The five calls.
///
/// None of them blocks, and none calls back before it returns. Callbacks come on a thread of the store's, one
/// at a time: they must not block, and may make further calls. Each callback of `get`, `compare_and_swap` and
/// `grant` is called exactly once, also when the store is destroyed meanwhile (then before the destructor
/// returns). A call has a deadline on every endpoint it tries; the time for all of them is bounded, too.
class configuration_store {
public:
  virtual ~configuration_store() = default;

  /// Reads linearizably: what it returns holds every change that was acknowledged before the call.
  virtual void get(std::string key, reach what, std::function<void(get_result)> done) = 0;

  /// Changes one key if it is as expected, else tells what is there. Never repeats a request that may have
  /// been applied: see `failure::unknown`.
  virtual void compare_and_swap(swap_request request, std::function<void(swap_result)> done) = 0;

  /// Tells what happens to the keys that begin with `prefix`: first, at once, those that changed after `from`
  /// (0: all that are there), then each change as it comes. Reconnects by itself, and reads the prefix from
  /// time to time, so that a stream that died in silence hides nothing for long. Between two reports a key
  /// may have had values that are not told; the last one always is. Deletions from before the first report
  /// are not told: begin with 0, or read before.
  [[nodiscard]] virtual std::unique_ptr<ongoing> watch(std::string prefix, revision from,
                                                       std::function<void(watch_report)> tell) = 0;

  /// A lease of at least `ttl`: keys put under it are deleted when it was not kept alive so long.
  virtual void grant(std::chrono::seconds ttl, std::function<void(lease_result)> done) = 0;

  /// Renews a lease three times within its `ttl`. Calls `lost` once, with the reason, when the store says that
  /// the lease is gone or when it could not be renewed within `ttl`; then it ends, and what was put under the
  /// lease is gone or soon will be. Ending it doesn't revoke the lease.
  [[nodiscard]] virtual std::unique_ptr<ongoing> keep_alive(lease_id lease, std::chrono::seconds ttl,
                                                            std::function<void(std::string reason)> lost) = 0;
};

} // namespace carillon::coordination
