#pragma once

#include "net/descriptor.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::net {

/// "host:port" taken apart. An IPv6 address stands in brackets, which are dropped.
struct host_and_port {
  std::string host; ///< a name or an address
  std::uint16_t port = 0;
};

/// Nothing when it isn't of that form.
std::optional<host_and_port> split_address(std::string_view text);

/// Where to listen: an address (or "localhost") and a port. Throws std::runtime_error.
boost::asio::ip::tcp::endpoint listen_endpoint(const std::string& text);

/// A non-blocking socket that listens there; throws std::runtime_error.
descriptor listen_on(const std::string& text);

/// "127.0.0.1:8080", "[::1]:8080".
std::string to_text(const boost::asio::ip::tcp::endpoint& of);

} // namespace carillon::net
