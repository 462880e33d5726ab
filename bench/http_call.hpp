#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::bench {

struct http_reply {
  int status = 0;
  std::string body;
};

/// One request to 127.0.0.1 on a connection of its own: for setting up, not for measuring.
///
/// A body makes it `application/json`. Throws std::runtime_error when no whole answer came within 30 s.
http_reply http_call(std::uint16_t port, std::string_view method, std::string_view target,
                     const std::vector<std::pair<std::string, std::string>>& fields,
                     std::string_view body = {});

} // namespace carillon::bench
