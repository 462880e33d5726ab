#include "bench/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace carillon::bench {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

child_process::child_process(const command& what) {
  // Everything is prepared before the fork: between it and exec only plain system calls are safe.
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!std::string_view{*entry}.starts_with("CARILLON_"))
      environment.emplace_back(*entry);
  for (const auto& [name, value] : what.environment)
    environment.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& strings) {
    std::vector<char*> all;
    for (const auto& s : strings)
      all.push_back(const_cast<char*>(s.c_str()));
    all.push_back(nullptr);
    return all;
  };
  auto argv = pointers(what.arguments), envp = pointers(environment);
  std::array<int, 2> out{}, started{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(started.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("can't make a pipe");
  output_ = net::descriptor{out[0]};
  net::descriptor out_end{out[1]}, started_read{started[0]}, started_end{started[1]};
  net::descriptor nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  net::descriptor errors;
  if (!what.errors.empty())
    errors = net::descriptor{::open(what.errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};

  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(nothing.get(), 0);
    ::dup2(out_end.get(), 1);
    if (errors)
      ::dup2(errors.get(), 2);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvpe(argv[0], argv.data(), envp.data());
    const int error = errno;
    [[maybe_unused]] const auto told = ::write(started_end.get(), &error, sizeof error);
    ::_exit(127);
  }
  if (pid_ < 0)
    throw std::runtime_error("can't fork");
  started_end.reset();
  int error = 0;
  if (::read(started_read.get(), &error, sizeof error) == sizeof error) {
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    throw std::runtime_error("can't start " + what.arguments.front() + ": " + std::strerror(error));
  }
}

child_process::~child_process() {
  if (pid_ > 0 && !poll()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

bool child_process::read_more(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  pollfd ready{output_.get(), POLLIN, 0};
  if (left < 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0)
    return false;
  std::array<char, 4096> buffer{};
  const auto size = ::read(output_.get(), buffer.data(), buffer.size());
  if (size <= 0)
    return false;
  read_.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

std::optional<std::string> child_process::read_line(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    if (const auto end = read_.find('\n'); end != std::string::npos) {
      auto line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    if (!read_more(deadline))
      return std::nullopt;
  }
}

std::string child_process::read_rest(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  while (read_more(deadline)) {
  }
  return std::exchange(read_, {});
}

void child_process::signal(int number) {
  if (!poll())
    ::kill(pid_, number);
}

std::optional<ending> child_process::poll() {
  if (ending_)
    return ending_;
  int status = 0;
  rusage used{};
  if (::wait4(pid_, &status, WNOHANG, &used) == pid_) {
    const auto time = [](const timeval& t) {
      return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
    };
    ending_ = ending{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                     time(used.ru_utime) + time(used.ru_stime)};
  }
  return ending_;
}

std::optional<ending> child_process::wait(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  while (!poll() && steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds{5});
  return ending_;
}

bool in_path(const std::string& program) {
  std::istringstream folders{std::getenv("PATH") != nullptr ? std::getenv("PATH") : ""};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + program).c_str(), X_OK) == 0)
      return true;
  return false;
}

} // namespace carillon::bench
