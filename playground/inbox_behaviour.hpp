#pragma once

#include "net/http_message.hpp"

#include <chrono>
#include <string>

namespace carillon::playground {

/// How the inbox answers one POST.
struct inbox_behaviour {
  int status = 200; ///< 0: close without an answer
  std::chrono::milliseconds delay{0};
  std::string retry_after; ///< the header's value; empty: none
  std::string location;    ///< likewise
  std::string note;        ///< why the path was refused; empty otherwise
};

/// Longest wait that `/slow/…` accepts.
inline constexpr std::chrono::milliseconds most_delay{600'000};

/// Reads the behaviour from the first parts of the path; see `inbox`. A path that starts like a behaviour and
/// isn't one is answered 400.
inbox_behaviour behaviour_of(const net::http_request& request);

} // namespace carillon::playground
