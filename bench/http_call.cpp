#include "bench/http_call.hpp"

#include "net/descriptor.hpp"
#include "bench/http_scan.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace carillon::bench {

http_reply http_call(std::uint16_t port, std::string_view method, std::string_view target,
                     const std::vector<std::pair<std::string, std::string>>& fields, std::string_view body) {
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error(std::string{method} + " " + std::string{target} + ": " + why);
  };
  net::descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval limit{30, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::strerror(errno));
  std::string out{method};
  out.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
  for (const auto& [name, value] : fields)
    out.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty())
    out.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n");
  out.append("\r\n").append(body);
  for (std::string_view rest{out}; !rest.empty();) {
    const auto sent = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      fail("can't send the request");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string in;
  std::array<char, 16 << 10> buffer{};
  for (;;) {
    if (const auto response = scan_message(in))
      return {status_of(*response), std::string{response->body}};
    const auto size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0)
      fail("no whole answer came");
    in.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

} // namespace carillon::bench
