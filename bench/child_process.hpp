#pragma once

#include "net/descriptor.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carillon::bench {

struct command {
  std::vector<std::string> arguments; ///< the first is the program, searched in PATH
  std::vector<std::pair<std::string, std::string>>
      environment;              ///< set beside the own; CARILLON_… of the own are not passed on
  std::filesystem::path errors; ///< stderr is appended here; empty: as the own
};

/// Whether a program of this name is in PATH.
bool in_path(const std::string& program);

/// How a child ended.
struct ending {
  int code = 0; ///< the exit code; 128 + the signal's number
  std::chrono::nanoseconds cpu{};
};

/// A program that we run. It dies with us, and with its owner.
class child_process {
public:
  /// Starts it, stdin empty. Throws std::runtime_error naming the program when it can't.
  explicit child_process(const command& what);
  ~child_process(); ///< kills it
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const noexcept { return pid_; }
  /// Its next line on stdout, without the line's end; nothing at the end of its output or after `timeout`.
  std::optional<std::string> read_line(std::chrono::milliseconds timeout);
  /// Everything else that it writes on stdout, until it closes it.
  std::string read_rest(std::chrono::milliseconds timeout);
  void signal(int number);
  /// Nothing while it runs.
  std::optional<ending> poll();
  /// Nothing when it still runs after `timeout`.
  std::optional<ending> wait(std::chrono::milliseconds timeout);

private:
  /// False at the end of the output or after the deadline.
  bool read_more(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  net::descriptor output_;
  std::string read_;
  std::optional<ending> ending_;
};

} // namespace carillon::bench
