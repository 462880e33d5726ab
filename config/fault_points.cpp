#include "config/fault_points.hpp"

#ifdef CARILLON_FAULT_POINTS

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <unistd.h>

namespace carillon::config {

namespace {

class armed_fault {
public:
  armed_fault() {
    if (const char* text = std::getenv("CARILLON_TEST_FAULT"))
      arm(text);
    if (const char* path = std::getenv("CARILLON_TEST_FAULT_FILE"))
      file_ = path;
  }

  void reached(std::string_view name) {
    const std::lock_guard lock{guard_};
    if (name_.empty() && !file_.empty())
      look();
    if (name.empty() || name_ != name || --left_ > 0)
      return;
    name_.clear();
    if (!file_.empty())
      std::remove(file_.c_str());
    kill(getpid(), signal_);
  }

private:
  void look() {
    std::string text;
    if (std::ifstream in{file_}; std::getline(in, text))
      arm(std::move(text));
  }

  void arm(std::string text) {
    const auto first = text.find(':');
    const auto second = first == std::string::npos ? first : text.find(':', first + 1);
    left_ = first == std::string::npos ? 1 : std::atoi(text.c_str() + first + 1);
    signal_ = second != std::string::npos && text.substr(second + 1) == "stop" ? SIGSTOP : SIGKILL;
    text.resize(std::min(first, text.size()));
    name_ = std::move(text);
  }

  std::mutex guard_;
  std::string name_, file_;
  int left_ = 1, signal_ = SIGKILL;
};

} // namespace

void fault_point(std::string_view name) {
  static armed_fault armed;
  armed.reached(name);
}

} // namespace carillon::config

#endif
