#include "net/socket_address.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>
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

tcp::acceptor listen_on(boost::asio::io_context& context, const std::string& text) {
  const auto endpoint = listen_endpoint(text);
  tcp::acceptor acceptor{context};
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec)
    acceptor.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec)
    acceptor.bind(endpoint, ec);
  if (!ec)
    acceptor.listen(boost::asio::socket_base::max_listen_connections, ec);
  if (ec)
    throw std::runtime_error("can't listen on " + text + ": " + ec.message());
  return acceptor;
}

std::string to_text(const tcp::endpoint& of) {
  const auto host = of.address().to_string();
  return (of.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(of.port());
}

} // namespace carillon::net
