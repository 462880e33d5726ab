#include "bench/name_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace carillon::bench {

namespace {

constexpr std::size_t header_size = 12; ///< RFC 1035, 4.1.1
constexpr std::uint8_t type_a = 1;
constexpr std::string_view silent_label = "dead";

/// Header and question again, with one answer if an IPv4 address is asked for; empty for what is no question
/// of one name.
std::string answer_to(std::string_view query) {
  std::size_t at = header_size;
  while (at < query.size() && query[at] != 0)
    at += 1 + static_cast<std::uint8_t>(query[at]);
  const auto end = at + 5; // the name's end, type, class
  if (end > query.size())
    return {};
  const bool address = query[at + 2] == type_a;
  std::string out{query.substr(0, end)};
  out[2] = '\x81'; // an answer; recursion was desired
  out[3] = '\x80'; // and is available; no error
  out[7] = address ? 1 : 0;
  for (const std::size_t zero : {6, 8, 9, 10, 11})
    out[zero] = 0; // no authorities, nothing additional
  if (address)
    // Name as in the question, A, IN, one second, four bytes.
    out.append(std::string_view{"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\x7f\0\0\x01", 16});
  return out;
}

} // namespace

name_server::name_server() : socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(socket_.get(), generic, size) != 0 || ::getsockname(socket_.get(), generic, &size) != 0)
    throw std::runtime_error("the name server gets no port");
  port_ = ntohs(address.sin_port);
  // So often it looks whether to end.
  const timeval limit{0, 50'000};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  thread_ = std::thread{[this] { run(); }};
}

name_server::~name_server() {
  stopping_ = true;
  thread_.join();
}

void name_server::run() {
  std::array<char, 1500> buffer{};
  while (!stopping_) {
    sockaddr_in from{};
    auto* generic = reinterpret_cast<sockaddr*>(&from);
    socklen_t size = sizeof from;
    const auto got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, generic, &size);
    if (got <= static_cast<ssize_t>(header_size))
      continue;
    const std::string_view query{buffer.data(), static_cast<std::size_t>(got)};
    if (query.substr(header_size + 1).starts_with(silent_label)) {
      ++ignored_;
      continue;
    }
    const auto out = answer_to(query);
    ::sendto(socket_.get(), out.data(), out.size(), 0, generic, size);
    ++answered_;
  }
}

} // namespace carillon::bench
