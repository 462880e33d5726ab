#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace carillon::api {

/// The socket `control.sock` in the store's folder, through which commands reach the process that has the
/// store. Only the owner may connect. One command a connection, one line each way: "backup /absolute/dir" →
/// "ok" or "error …".
class control_socket {
public:
  /// Listens, on a thread of its own. `backup` copies the store into a directory and throws when it can't.
  /// Throws std::runtime_error when the socket can't be made.
  control_socket(std::string directory, std::function<void(const std::string&)> backup);
  /// Waits for a command that is under way.
  ~control_socket();
  control_socket(const control_socket&) = delete;
  control_socket& operator=(const control_socket&) = delete;

private:
  void run();
  void serve(int connection);

  std::string directory_;
  std::function<void(const std::string&)> backup_;
  int listener_ = -1;
  int wake_ = -1; ///< an eventfd: readable when the thread shall end
  std::thread thread_;
};

/// Has the process that has the store in `directory` carry out a command. Nothing when none listens there;
/// else its answer's line. Throws std::runtime_error when the connection breaks.
std::optional<std::string> send_control(const std::string& directory, const std::string& command);

} // namespace carillon::api
