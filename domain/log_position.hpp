#pragma once

#include "domain/ids.hpp"
#include "domain/time.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::domain {

/// Where an event's bytes lie in its shard's log.
struct event_ref {
  std::uint64_t seq = 0;    ///< the row; 0: not committed yet
  std::uint32_t offset = 0; ///< into the row's value
  std::uint32_t length = 0;
  bool operator==(const event_ref&) const = default;
};

class foreign_clocks; // foreign_clocks.hpp

/// When a log row was written, told so that a later life of the process, or another boot, can judge its age.
struct time_stamp {
  std::uint32_t life = 0;                 ///< counts the starts of the process on this store
  std::array<std::uint8_t, 16> boot_id{}; ///< /proc/sys/kernel/random/boot_id
  boot_time boot{};
  wall_time wall{};
  const foreign_clocks* others = nullptr; ///< of a moment on a node of a cluster; not part of what is stored
};

/// Translates a boot time recorded under `then` into the boot time of `now`: exact within one boot; from the
/// boot of another node that `now.others` knows by when that node was heard; else across boots by the wall
/// clock, where a stamp that seems to lie in the future counts as made now.
boot_time translate(boot_time recorded, const time_stamp& then, const time_stamp& now);

/// One write beside the log, to a derived table. An empty optional value erases the key.
struct table_write {
  std::string key;
  std::string value;
  bool erase = false;
};

/// What one account asks its shard to make durable together.
struct batch {
  account_id account{};
  std::string entries; ///< encoded by `log_entry.hpp`; empty: only table writes
  std::vector<table_write> tables;
  /// The tables hold the account's whole state as of its last committed row: a replay starts after that.
  bool checkpoint = false;
};

} // namespace carillon::domain
