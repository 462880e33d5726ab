#include "net/socket_address.hpp"

#include <boost/asio/ip/address.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace carillon::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

} // namespace

std::optional<host_and_port> split_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  if (host.empty() || (host.find(':') != std::string_view::npos) != bracketed)
    return std::nullopt;
  host_and_port out{std::string{host}, 0};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, out.port);
  if (error != std::errc{} || end != last)
    return std::nullopt;
  return out;
}

tcp::endpoint listen_endpoint(const std::string& text) {
  if (auto parts = split_address(text)) {
    error_code ec;
    const auto address = boost::asio::ip::make_address(parts->host == "localhost" ? "127.0.0.1" : parts->host, ec);
    if (!ec)
      return {address, parts->port};
  }
  throw std::runtime_error("can't listen on \"" + text + "\": write an address and a port, as in " +
                           "127.0.0.1:8080 or [::1]:8080");
}

descriptor listen_on(const std::string& text) {
  const auto endpoint = listen_endpoint(text);
  descriptor made{::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  if (!made || ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(made.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(made.get(), SOMAXCONN) != 0)
    throw std::runtime_error("can't listen on " + text + ": " + std::strerror(errno));
  return made;
}

std::string to_text(const tcp::endpoint& of) {
  const auto host = of.address().to_string();
  return (of.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(of.port());
}

} // namespace carillon::net
