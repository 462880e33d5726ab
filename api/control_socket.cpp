#include "api/control_socket.hpp"

#include "config/logging.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::api {

namespace {

constexpr const char* socket_name = "control.sock";
constexpr std::size_t longest_line = 8 * 1024;
/// A command's line comes at once; nobody holds the socket for longer.
constexpr std::chrono::seconds line_timeout{5};

/// A file descriptor, closed at the end.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error{what + ": " + std::strerror(errno)};
}

/// The socket's address by way of its open folder: a path of any length fits.
sockaddr_un address_in(const descriptor& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = "/proc/self/fd/" + std::to_string(folder.get()) + '/' + socket_name;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Up to the first line feed, which is left out; what came when the other side closed.
std::string read_line(int fd) {
  std::string line;
  std::array<char, 1024> buffer{};
  while (line.size() < longest_line) {
    const auto count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    line.append(buffer.data(), static_cast<std::size_t>(count));
    if (const auto end = line.find('\n'); end != std::string::npos)
      return line.substr(0, end);
  }
  return line;
}

void write_line(int fd, std::string line) {
  line += '\n';
  for (std::string_view rest{line}; !rest.empty();) {
    const auto count = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

} // namespace

control_socket::control_socket(std::string directory, std::function<void(const std::string&)> backup)
    : directory_{std::move(directory)}, backup_{std::move(backup)} {
  const descriptor folder{::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (folder.get() < 0)
    fail("the folder " + directory_ + " can't be opened");
  descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (listener.get() < 0)
    fail("no control socket");
  // Who has the store's lock is alone here: what lies there is a dead process's.
  ::unlinkat(folder.get(), socket_name, 0);
  // The mode must hold from the first moment on, and umask is the whole process's: so it goes to the socket
  // itself.
  ::fchmod(listener.get(), S_IRUSR | S_IWUSR);
  const auto address = address_in(folder);
  if (::bind(listener.get(), generic(address), sizeof address) != 0)
    fail("the control socket " + directory_ + '/' + socket_name + " can't be made");
  ::fchmodat(folder.get(), socket_name, S_IRUSR | S_IWUSR, 0);
  if (::listen(listener.get(), 4) != 0)
    fail("the control socket doesn't listen");
  descriptor wake{::eventfd(0, EFD_CLOEXEC)};
  if (wake.get() < 0)
    fail("no event descriptor");
  listener_ = listener.release();
  wake_ = wake.release();
  thread_ = std::thread{[this] { run(); }};
}

control_socket::~control_socket() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(wake_);
  ::unlink((directory_ + '/' + socket_name).c_str());
}

void control_socket::run() {
  for (;;) {
    std::array<pollfd, 2> wanted{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR)
      return;
    if (wanted[1].revents != 0)
      return;
    if ((wanted[0].revents & POLLIN) == 0)
      continue;
    const descriptor connection{::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)};
    if (connection.get() >= 0)
      serve(connection.get());
  }
}

void control_socket::serve(int connection) {
  const timeval limit{line_timeout.count(), 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  constexpr std::string_view backup_command = "backup /";
  const auto line = read_line(connection);
  if (!line.starts_with(backup_command))
    return write_line(connection, "error: this command is not known");
  const auto destination = line.substr(backup_command.size() - 1);
  try {
    backup_(destination);
    config::log(config::log_level::info, "backup made", {{"directory", destination}});
    write_line(connection, "ok");
  } catch (const std::exception& e) {
    config::log(config::log_level::warning, "backup failed",
                {{"directory", destination}, {"error", e.what()}});
    write_line(connection, std::string{"error: "} + e.what());
  }
}

std::optional<std::string> send_control(const std::string& directory, const std::string& command) {
  const descriptor folder{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (folder.get() < 0)
    return std::nullopt;
  const descriptor connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = address_in(folder);
  if (connection.get() < 0 || ::connect(connection.get(), generic(address), sizeof address) != 0) {
    if (errno == EACCES)
      fail("the control socket of the running node can't be used");
    return std::nullopt;
  }
  write_line(connection.get(), command);
  auto answer = read_line(connection.get());
  if (answer.empty())
    throw std::runtime_error{"the running node ended before it answered"};
  return answer;
}

} // namespace carillon::api
