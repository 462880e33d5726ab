#pragma once

#include "playground/inbox.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace carillon::playground {

/// What the playground tells its person, on stdout: whole lines at a time, from any thread.
class demo_console {
public:
  /// Prints the text and a line feed.
  void say(std::string_view text);

  /// One line for one arrival at the inbox: when, for whom, what, how many records, how long after the node
  /// had accepted the event, and what the inbox answered.
  void tell_arrival(const arrival& entry);

  /// One line for an entry of the missed feed, as the API shows it. `name` is its subscription's.
  void tell_missed(const std::string& entry, std::string_view name);

  /// Arrivals told so far for a subscription, by the last part of its path.
  std::uint64_t arrivals(std::string_view name) const;

  /// Entries of the missed feed told so far.
  std::uint64_t missed() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> arrivals_;
  std::uint64_t missed_ = 0;
};

/// The line of an arrival, without its line feed. Its time stands in the machine's time zone.
std::string arrival_line(const arrival& entry);

/// The line of a missed notification, likewise.
std::string missed_line(const std::string& entry, std::string_view name);

} // namespace carillon::playground
