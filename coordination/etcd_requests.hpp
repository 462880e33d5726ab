#pragma once

#include "coordination/configuration_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What goes to etcd's JSON gateway and what comes back, as text.
///
/// The gateway ignores fields that it doesn't know ("compares" for "compare" makes a transaction
/// unconditional), takes keys that aren't base64 for garbage, writes 64-bit numbers as strings and leaves out
/// what is zero. So everything sent is built here, and everything read is read here.
namespace carillon::coordination {

struct etcd_request {
  std::string path; ///< of a POST
  std::string body;
};

etcd_request range_request(std::string_view key, reach what);
etcd_request swap_request_of(const swap_request& swap);
etcd_request grant_request(std::chrono::seconds ttl);
etcd_request keep_alive_request(lease_id lease);
/// Everything below the prefix from the revision on.
etcd_request watch_request(std::string_view prefix, revision from);
/// Of the one member that is asked, whether it has a leader or not.
etcd_request status_request();

/// In every answer.
struct etcd_header {
  std::uint64_t cluster = 0; ///< equal for all members of one cluster, and for no other
  revision at = 0;
};

struct etcd_range {
  etcd_header header;
  std::vector<entry> entries;
};
struct etcd_swap {
  etcd_header header;
  bool succeeded = false;
  std::optional<entry> current;
};
struct etcd_lease {
  etcd_header header;
  lease_id lease = 0;
  std::chrono::seconds ttl{0}; ///< 0 in the answer to a renewal: the lease is gone
};
struct etcd_status {
  etcd_header header;
  bool has_leader = false;
};
struct etcd_watch_line {
  etcd_header header;
  bool created = false;
  bool canceled = false;
  std::string reason; ///< with `canceled`
  std::vector<change> changes;
};

// Each throws json_mismatch (json_reader.hpp) for anything but an answer to that request.
etcd_range read_range(std::string_view body, std::string_view key, reach what);
etcd_swap read_swap(std::string_view body, const swap_request& swap);
etcd_lease read_lease(std::string_view body);
/// A renewal's answer is a stream of one.
etcd_lease read_renewal(std::string_view body);
etcd_status read_status(std::string_view body);
etcd_watch_line read_watch_line(std::string_view line, std::string_view prefix);

/// What an answer with another HTTP status than 200 says: `refused` or `full` when etcd surely didn't do it,
/// `unreachable` when it can't now or may have, `unreadable` when it isn't etcd that speaks.
call_error read_error(unsigned http_status, std::string_view body);

} // namespace carillon::coordination
