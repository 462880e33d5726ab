#include "config/systemd_notify.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::config {

namespace {

/// One datagram of lines NAME=value.
bool send_state(const std::string& state) {
  const auto* name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A path, or a name in the abstract namespace, written with '@' for its leading zero byte.
  const auto length = name == nullptr ? 0 : std::strlen(name);
  if (length < 2 || length >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
    return false;
  std::memcpy(address.sun_path, name, length);
  if (name[0] == '@')
    address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return false;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
  return sent == static_cast<ssize_t>(state.size());
}

std::string status_line(std::string_view status) {
  std::string line{status};
  // A line break would begin another variable.
  std::ranges::replace(line, '\n', ' ');
  return "STATUS=" + line + "\n";
}

} // namespace

bool notify_ready(std::string_view status) {
  return send_state("READY=1\n" + status_line(status));
}

bool notify_reloading() {
  // systemd pairs the reload with its signal by the monotonic clock, in microseconds.
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto micros = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  return send_state("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros) + "\n");
}

bool notify_stopping() {
  return send_state("STOPPING=1\n");
}

bool notify_status(std::string_view status) {
  return send_state(status_line(status));
}

} // namespace carillon::config
