#include "bench/etcd.hpp"

#include "bench/http_call.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace carillon::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto start_timeout = 30s;

std::string local(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

command command_of(const std::filesystem::path& folder, std::uint16_t port) {
  std::filesystem::create_directories(folder);
  const auto peer = local(free_port()), client = local(port);
  command what;
  what.arguments = {"etcd",
                    "--name",
                    "one",
                    "--data-dir",
                    (folder / "data").string(),
                    "--listen-client-urls",
                    client,
                    "--advertise-client-urls",
                    client,
                    "--listen-peer-urls",
                    peer,
                    "--initial-advertise-peer-urls",
                    peer,
                    "--initial-cluster",
                    "one=" + peer,
                    "--heartbeat-interval",
                    "50",
                    "--election-timeout",
                    "500"};
  what.errors = folder / "log";
  return what;
}

bool is_ready(std::uint16_t port) {
  try {
    return http_call(port, "GET", "/health", {}).status == 200;
  } catch (const std::runtime_error&) {
    return false; // not listening yet
  }
}

} // namespace

std::uint16_t free_port() {
  net::descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

etcd::etcd(const std::filesystem::path& folder) : port_(free_port()), process_(command_of(folder, port_)) {
  const auto until = std::chrono::steady_clock::now() + start_timeout;
  while (!is_ready(port_)) {
    if (process_.poll() || std::chrono::steady_clock::now() > until)
      throw std::runtime_error("etcd doesn't get ready; its log is " + (folder / "log").string());
    std::this_thread::sleep_for(20ms);
  }
}

std::string etcd::url() const {
  return local(port_);
}

bool etcd_is_there() {
  return in_path("etcd");
}

} // namespace carillon::bench
